//go:build !linux

package bench

import "os/exec"

func apart(*exec.Cmd) error { return errNoVolume }

func mountVolume(string) error { return errNoVolume }

// Headway sends newsletters to large contact lists, straight to the recipients'
// mail servers, each receiving provider at the pace that it accepts.
//
// The commands live in internal/cli.
package main

import (
	"os"
	_ "time/tzdata" // schedules name time zones, and small images have none

	"github.com/headwaymail/headway/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr))
}

package peertest

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

// TestDkimpy has dkimpy verify each signature.
func TestDkimpy(t *testing.T) {
	t.Parallel()
	const python = "/usr/bin/python3" // Debian's, which has Debian's modules
	if err := exec.Command(python, "-c", "import dkim, nacl").Run(); err != nil {
		t.Skip("the Python module dkim is not installed (Debian packages python3-dkim and python3-nacl)")
	}
	genuine := write(t)
	for _, tt := range []struct {
		name string
		letter
		want string
	}{
		{"genuine", genuine, "True True"},
		{"forged", genuine.forge(t), "False False"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			const script = `
import dkim, sys
records = dict(line.split("\t") for line in sys.argv[1:])
def txt(name, timeout=5):
    return records[name.decode().rstrip(".")].encode()
def holds(message, i):
    try:
        return dkim.DKIM(message).verify(idx=i, dnsfunc=txt)
    except dkim.ValidationError:
        return False
message = sys.stdin.buffer.read()
print(*[holds(message, i) for i in range(len(records))])
`
			args := []string{"-c", script}
			for _, r := range tt.records {
				args = append(args, r.Name+"\t"+r.Value)
			}
			verify := exec.Command(python, args...)
			verify.Stdin = bytes.NewReader(tt.signed)
			out, err := verify.CombinedOutput()
			if got := strings.TrimSpace(string(out)); err != nil || got != tt.want {
				t.Errorf("dkimpy says %s (%v), want %s\n%s", got, err, tt.want, tt.signed)
			}
		})
	}
}

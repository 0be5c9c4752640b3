package simulate

import (
	"fmt"
	"io"
	"strings"
)

// printer writes Markdown tables and keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(text string) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, text)
	}
}

func (p *printer) row(first string, cells []string) {
	p.line("| " + first + " | " + strings.Join(cells, " | ") + " |")
}

func (p *printer) rule(columns int) { p.line("|---|" + strings.Repeat("---:|", columns)) }

func (p *printer) cells(first string, columns []string, cell func(int) string) {
	texts := make([]string, len(columns))
	for i := range columns {
		texts[i] = cell(i)
	}
	p.row(first, texts)
}

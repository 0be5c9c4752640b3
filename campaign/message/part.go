package message

import "github.com/headwaymail/headway/campaign/message/template"

// part is one encoded body part: pieces, and the literal behind the last.
type part struct {
	name   Part
	pieces []piece
	end    []byte
}

// piece is text that is encoded already, and the slot behind it.
type piece struct {
	literal []byte
	slot    *template.Slot
}

// encode makes a part of a template. Every slot begins a line, and a literal
// behind a slot continues it behind a soft line break, so that each can be
// encoded without knowing the other. After is what follows the part.
func encode(name Part, t *template.Template, after string) part {
	p := part{name: name}
	pieces := t.Pieces()
	var literal []byte
	for i, next := range pieces {
		behindSlot := i > 0 && pieces[i-1].Slot != nil
		if behindSlot && (next.Slot != nil || next.Literal[0] != '\n') {
			literal = append(literal, softBreak...)
		}
		if next.Slot == nil {
			literal = appendQuoted(literal, []byte(next.Literal), i+1 < len(pieces))
			continue
		}
		p.pieces = append(p.pieces, piece{literal, next.Slot})
		literal = nil
	}
	p.end = append(literal, after...)
	return p
}

// append appends the part with its slots filled in.
func (p *part) append(dst []byte, v *template.Values) ([]byte, error) {
	for i := range p.pieces {
		dst = append(dst, p.pieces[i].literal...)
		mark := len(dst)
		var err error
		if dst, err = p.pieces[i].slot.Append(dst, v); err != nil {
			return dst, located(p.name, err)
		}
		dst = quoteTail(dst, mark)
	}
	return append(dst, p.end...), nil
}

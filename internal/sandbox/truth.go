package sandbox

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"

	"github.com/headwaymail/headway/pacing/receiver"
)

// Truth is what is known beforehand about a contact list.
type Truth struct {
	Rows      int                      // rows of the file, without the header
	Kinds     map[RowKind]int          // rows by kind
	Addresses int                      // different well-formed addresses
	Providers map[string]ProviderTruth // contacts by who receives their mail, each address once
	Special   map[SpecialKind]int      // contacts at domains that do not work as they should, misspelt ones included
}

// ProviderTruth is what is known about the contacts of one provider.
type ProviderTruth struct {
	Contacts  int
	Mailboxes map[receiver.Mailbox]int
	Leaves    map[Leaving]int // readers who unsubscribe if their mailbox takes mail; those who stay are not counted
}

// Deliverable returns how many contacts a patient sender can reach: those whose
// mailbox is open, busy for a while only, or full for a while only.
func (f *File) Deliverable(t Truth) int {
	sum := 0
	for name, p := range t.Providers {
		sum += p.Mailboxes[receiver.MailboxOpen] + p.Mailboxes[receiver.MailboxBusy]
		if f.provider(name).Mailboxes.FullFor > 0 {
			sum += p.Mailboxes[receiver.MailboxFull]
		}
	}
	return sum
}

// WriteCSV writes the contact list of n rows (0: contacts.count) with its
// header, and returns the truth about it.
func (f *File) WriteCSV(w io.Writer, n int) (Truth, error) {
	t := Truth{Kinds: map[RowKind]int{}, Providers: map[string]ProviderTruth{}, Special: map[SpecialKind]int{}}
	buffered := bufio.NewWriterSize(w, 64<<10)
	out := csv.NewWriter(buffered)
	if err := out.Write(f.Header()); err != nil {
		return t, fmt.Errorf("write contacts: %w", err)
	}
	for row := range f.Contacts(n) {
		t.count(row)
		if err := out.Write(row.Columns); err != nil {
			return t, fmt.Errorf("write contacts: %w", err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return t, fmt.Errorf("write contacts: %w", err)
	}
	if err := buffered.Flush(); err != nil {
		return t, fmt.Errorf("write contacts: %w", err)
	}
	return t, nil
}

// count adds a row to the truth. A duplicate repeats a good row that is counted
// by itself.
func (t *Truth) count(r Row) {
	t.Rows++
	t.Kinds[r.Kind]++
	if !r.Usable() || r.Kind == RowDuplicate {
		return
	}
	t.Addresses++
	if r.Special != "" {
		t.Special[r.Special]++
	}
	if r.Provider == "" {
		return
	}
	p, ok := t.Providers[r.Provider]
	if !ok {
		p = ProviderTruth{Mailboxes: map[receiver.Mailbox]int{}, Leaves: map[Leaving]int{}}
	}
	p.Contacts++
	p.Mailboxes[r.Mailbox]++
	if r.Leaves != Stays {
		p.Leaves[r.Leaves]++
	}
	t.Providers[r.Provider] = p
}

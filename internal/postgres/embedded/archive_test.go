//go:build unix

package embedded_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"path/filepath"
	"testing"
)

// releaseArchive packs a release as the repository offers it: a jar (a zip)
// with one .txz. Its programs are those in binDir, except that postgres says
// that it is of the given version.
func releaseArchive(t *testing.T, binDir, version string) []byte {
	t.Helper()
	script := "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'postgres (PostgreSQL) " + version + "'; exit; fi\n" +
		"exec " + filepath.Join(binDir, "postgres") + " \"$@\"\n"
	var txz bytes.Buffer
	pack := tar.NewWriter(&txz)
	for _, h := range []tar.Header{
		{Typeflag: tar.TypeSymlink, Name: "bin/initdb", Linkname: filepath.Join(binDir, "initdb")},
		{Typeflag: tar.TypeSymlink, Name: "bin/pg_ctl", Linkname: filepath.Join(binDir, "pg_ctl")},
		{Typeflag: tar.TypeReg, Name: "bin/postgres", Mode: 0o700, Size: int64(len(script))},
	} {
		if err := pack.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := pack.Write([]byte(script)); err != nil {
		t.Fatal(err)
	}
	if err := pack.Close(); err != nil {
		t.Fatal(err)
	}
	var jar bytes.Buffer
	z := zip.NewWriter(&jar)
	w, err := z.Create("postgres-test.txz")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(storeXZ(txz.Bytes())); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return jar.Bytes()
}

// storeXZ wraps data in the .xz format without compressing it (The .xz File
// Format 1.1.0): a stream of one block, filtered by LZMA2 in chunks that are
// stored as they are.
func storeXZ(data []byte) []byte {
	le := binary.LittleEndian
	withCRC := func(b []byte) []byte { return le.AppendUint32(b, crc32.ChecksumIEEE(b)) }
	flags := []byte{0, 1} // check: CRC32

	out := append([]byte{0xFD, '7', 'z', 'X', 'Z', 0}, flags...)
	out = le.AppendUint32(out, crc32.ChecksumIEEE(flags))

	// Block header of 12 bytes: one filter, LZMA2 (0x21), dictionary of 8 MiB.
	block := withCRC([]byte{2, 0, 0x21, 1, 22, 0, 0, 0})
	control := byte(1) // stored, the dictionary is reset
	for rest := data; len(rest) > 0; control = 2 {
		n := min(len(rest), 1<<16)
		block = append(block, control)
		block = binary.BigEndian.AppendUint16(block, uint16(n-1))
		block = append(block, rest[:n]...)
		rest = rest[n:]
	}
	block = append(block, 0) // end of LZMA2
	unpadded := len(block) + crc32.Size
	for len(block)%4 != 0 {
		block = append(block, 0)
	}
	block = le.AppendUint32(block, crc32.ChecksumIEEE(data))

	index := []byte{0, 1} // one record
	index = binary.AppendUvarint(index, uint64(unpadded))
	index = binary.AppendUvarint(index, uint64(len(data)))
	for len(index)%4 != 0 {
		index = append(index, 0)
	}
	index = withCRC(index)

	footer := append(le.AppendUint32(nil, uint32(len(index)/4-1)), flags...)
	out = append(append(out, block...), index...)
	out = le.AppendUint32(out, crc32.ChecksumIEEE(footer))
	return append(append(out, footer...), 'Y', 'Z')
}

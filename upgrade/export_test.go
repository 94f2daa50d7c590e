package upgrade

import (
	"encoding/hex"
	"io"
)

// ReadJournalFrom is what opening a journal file does with its bytes.
func ReadJournalFrom(r io.Reader) (records []Record, torn int, err error) {
	c, err := readJournal(r)
	if err != nil {
		return nil, 0, err
	}
	return c.records, c.torn, nil
}

// EncodeJournal returns the lines of a journal, and the records as they read back.
func EncodeJournal(records []Record) (file []byte, back []Record, err error) {
	var prev []byte
	for _, r := range records {
		line, sum, b, err := encodeLine(r, prev)
		if err != nil {
			return nil, nil, err
		}
		file, back, prev = append(file, line...), append(back, b), sum
	}
	return file, back, nil
}

// Reseal returns two lines, the second with the hash that fits its record.
func Reseal(first, second string) string {
	prev, _ := hex.DecodeString(first[len(lineHead) : len(lineHead)+hashLen])
	raw := second[len(lineHead)+hashLen+len(lineMid) : len(second)-len(lineTail)-1]
	return lineHead + hex.EncodeToString(chain(prev, []byte(raw))) + lineMid + raw + lineTail + "\n"
}

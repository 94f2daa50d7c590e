package beyondtrust

import (
	"strings"
	"testing"
)

func TestParseXML(t *testing.T) {
	tests := map[string]struct {
		in string
		ok bool
	}{
		"a document":              {`<?xml version="1.0" encoding="UTF-8"?>` + "\n<a><b c='d'>e</b></a>\n", true},
		"a comment after it":      {"<a/><!-- bye -->", true},
		"two roots":               {"<a><b/></a><a><b/></a>", false},
		"text before it":          {"Warning: <a/>", false},
		"text after it":           {"<a/>bye", false},
		"cut":                     {"<a><b/>", false},
		"another end":             {"<a></b>", false},
		"a document type":         {"<!DOCTYPE a><a/>", false},
		"an entity of its own":    {"<a>&lol;</a>", false},
		"another character set":   {`<?xml version="1.0" encoding="UTF-7"?><a/>`, false},
		"nothing":                 {"", false},
		"as deep as it may be":    {strings.Repeat("<a>", xmlDepth) + strings.Repeat("</a>", xmlDepth), true},
		"one level deeper":        {strings.Repeat("<a>", xmlDepth+1) + strings.Repeat("</a>", xmlDepth+1), false},
		"not what it seems to be": {"\x00\x01", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			root, err := parseXML([]byte(tt.in))
			if (err == nil) != tt.ok || (root != nil) != tt.ok {
				t.Errorf("parseXML(%q) = %v, %v, want ok = %t", tt.in, root, err, tt.ok)
			}
		})
	}
}

package people

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/headwater-platform/headwater/fault"
)

func TestReadSheet(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		want []sheetLine
	}{
		"commas":                {"username,email\nann,a@x.example\n", []sheetLine{{number: 2, username: "ann", email: "a@x.example"}}},
		"semicolons":            {"email;username;name\r\na@x.example;ann;Ann A.\r\n", []sheetLine{{number: 2, username: "ann", email: "a@x.example", name: "Ann A."}}},
		"tabs":                  {"username\temail\nann\ta@x.example", []sheetLine{{number: 2, username: "ann", email: "a@x.example"}}},
		"a column that is none": {"\ufeffUserName, E-mail \nann,a@x.example\n", nil},
		"a byte order mark, and columns in capitals": {
			"\ufeffUSERNAME, Email\nann, a@x.example \n", []sheetLine{{number: 2, username: "ann", email: "a@x.example"}},
		},
		"groups and tags": {
			"username,email,groups,tags\nann,a@x.example,ops; Night shift |,day|late\n",
			[]sheetLine{{number: 2, username: "ann", email: "a@x.example", groups: []string{"ops", "Night shift"}, tags: []string{"day", "late"}}},
		},
		"quotes, and a record of two lines": {
			"username;email;name;groups\n\"ann\";a@x.example;\"Ann\nA. \"\"B\"\"\";\"ops;day\"\nbea;b@x.example;;\n",
			[]sheetLine{
				{number: 2, username: "ann", email: "a@x.example", name: "Ann\nA. \"B\"", groups: []string{"ops", "day"}},
				{number: 4, username: "bea", email: "b@x.example"},
			},
		},
		"lines without text": {"username,email\n\n,\n ann,a@x.example\n,,\n", []sheetLine{{number: 4, username: "ann", email: "a@x.example"}}},
		"too few and too many fields": {
			"username,email\nann\nbea,b@x.example,more\n",
			[]sheetLine{
				{number: 2, username: "ann", fault: fault.New(fault.Invalid, "the line has 1 fields, and there are 2 columns")},
				{number: 3, username: "bea", email: "b@x.example", fault: fault.New(fault.Invalid, "the line has 3 fields, and there are 2 columns")},
			},
		},
	} {
		got, err := readSheet(tt.text)
		if (err != nil) != (tt.want == nil) {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(sheetLine{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestReadSheetRefuses(t *testing.T) {
	t.Parallel()
	many := "username,email\n" + strings.Repeat("a,b\n", maxLines)
	if lines, err := readSheet(many); err != nil || len(lines) != maxLines {
		t.Errorf("%d lines, %v", len(lines), err)
	}
	for name, tt := range map[string]struct{ text, want string }{
		"nothing":            {"", "the first line names the columns"},
		"columns and nobody": {"username,email\n\n", "the sheet lists nobody"},
		"no column":          {"username,email,salary\na,b,c\n", `"salary" is no column`},
		"a column twice":     {"username,email,Email\na,b,c\n", "the column email is there twice"},
		"no address":         {"username\na\n", "the column email is missing"},
		"an open quote":      {"username,email\n\"a,b\n", "line 2 cannot be read"},
		"a stray quote":      {"username,email\na\"b,c\n", "line 2 cannot be read"},
		"another encoding":   {"username,email\n\xe9,b\n", "the text is not UTF-8"},
		"too many":           {many + "a,b\n", "at most 10000 people"},
	} {
		lines, err := readSheet(tt.text)
		if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), tt.want) || lines != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzSheet reads any text. What is read stays within bounds, and is read the
// same when it is written in the plain way.
func FuzzSheet(f *testing.F) {
	for _, text := range []string{
		"username,email\nann,a@x.example\n", "email;username;groups\r\n\"a\";b;\"c;d\"\r\n", "\ufeffusername\temail\n", "username,email\n\"a\n\",b\n", "username,email\n,\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines, err := readSheet(text)
		if err != nil {
			if fault.CodeOf(err) != fault.Invalid {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if len(lines) == 0 || len(lines) > maxLines {
			t.Fatalf("%q: %d lines", text, len(lines))
		}
		last := 1
		plain := "username,email\n"
		for _, l := range lines {
			if l.number <= last {
				t.Fatalf("%q: line %d follows line %d", text, l.number, last)
			}
			last = l.number
			plain += quoted(l.username) + "," + quoted(l.email) + "\n"
		}
		again, err := readSheet(plain)
		named := slices.DeleteFunc(slices.Clone(lines), func(l sheetLine) bool { return l.username == "" && l.email == "" })
		if len(named) == 0 {
			return
		}
		if err != nil || len(again) != len(named) {
			t.Fatalf("%q: again %d of %d lines, %v", text, len(again), len(named), err)
		}
		for i, l := range again {
			if l.username != named[i].username || l.email != named[i].email {
				t.Fatalf("%q: %+v becomes %+v", text, named[i], l)
			}
		}
	})
}

func quoted(text string) string { return fmt.Sprintf(`"%s"`, strings.ReplaceAll(text, `"`, `""`)) }

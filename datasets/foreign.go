package datasets

import (
	"bytes"
	"fmt"
	"regexp"
)

// foreignFormats are files that people take for texts and tables, by what they begin with.
var foreignFormats = []struct{ begins, is, next string }{
	{"PK\x03\x04", "a zip archive, as spreadsheets (.xlsx, .ods) are, too", unpack + ", or save the sheet as CSV"},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old spreadsheet or document (.xls, .doc)", "save it as CSV or as text"},
	{"BZh91AY&SY", "compressed by bzip2", "uncompress it with bunzip2"},
	{"\xfd7zXZ\x00", "compressed by xz", "uncompress it with unxz"},
	{"\x28\xb5\x2f\xfd", "compressed by zstd", "uncompress it with unzstd"},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive", unpack},
	{"Rar!\x1a\x07", "a rar archive", unpack},
	{"%PDF-1.", "a PDF", "convert it to text"},
	{"PAR1\x15", "a Parquet file", "save it as CSV"},
	{"ARROW1\x00\x00", "an Arrow file", "save it as CSV"},
	{"\x89HDF\r\n\x1a\n", "an HDF5 file", "save what is wanted of it as CSV"},
	{"\x93NUMPY", "an array of NumPy", "save it as CSV"},
	{"\x80\x04\x95", "a pickle of Python", "save it as CSV or as text"},
	{"\x89PNG\r\n", "a picture (PNG)", "choose a text"},
	{"\xff\xd8\xff", "a picture (JPEG)", "choose a text"},
	{"GIF8", "a picture (GIF)", "choose a text"},
	{"RIFF", "sound or pictures (RIFF)", "choose a text"},
	{"SQLite format 3\x00", "a database of SQLite", "save the table as CSV"},
}

const unpack = "take the file out of it"

// foreign says what a file is, by its first bytes, that is read by other programs alone, and what to do with it; "" if
// it seems to be none.
func foreign(head []byte) string {
	for _, f := range foreignFormats {
		if bytes.HasPrefix(head, []byte(f.begins)) {
			return "it is " + f.is + ": " + f.next
		}
	}
	const tarMagic, at = "ustar", 257
	if len(head) > at && bytes.HasPrefix(head[at:], []byte(tarMagic)) {
		return "it is a tar archive: " + unpack
	}
	return ""
}

// jsonStart begins a JSON object, or a list of some.
var jsonStart = regexp.MustCompile(`^\s*(\[\s*)?\{\s*("|$)`)

// JSON says in words that a text begins as JSON does, and how to make CSV of these fields of it; otherwise "".
func JSON(text []byte, fields [2]string) string {
	m := jsonStart.FindSubmatch(bytes.TrimPrefix(text[:min(len(text), headBytes)], []byte(byteOrderMark)))
	if m == nil {
		return ""
	}
	each := ""
	if len(m[1]) > 0 {
		each = ".[]|"
	}
	return fmt.Sprintf("it begins as JSON does: make CSV of it, for example with jq -r '%s[.%s,.%s]|@csv'", each, fields[0],
		fields[1])
}

package report

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Downloads shows a bar for each address on a terminal, and otherwise a line.
func Downloads(w io.Writer) func(url string, have, all int64) {
	f, ok := w.(*os.File)
	onTerminal := ok && term.IsTerminal(int(f.Fd()))
	var bar *progressbar.ProgressBar
	last := ""
	return func(url string, have, all int64) {
		begins := url != last
		last = url
		switch {
		case begins && !onTerminal:
			fmt.Fprintf(w, "downloading %s\n", url)
		case begins:
			if bar != nil {
				bar.Finish()
			}
			bar = progressbar.NewOptions64(all, progressbar.OptionSetWriter(w),
				progressbar.OptionSetDescription(url[strings.LastIndexByte(url, '/')+1:]),
				progressbar.OptionShowBytes(true), progressbar.OptionSetPredictTime(true),
				progressbar.OptionOnCompletion(func() { fmt.Fprintln(w) }))
		}
		if onTerminal {
			bar.Set64(have)
		}
	}
}

// Serve answers over HTTP with a translator that was trained before, by the command or by a program such as ../seq2seq:
//
//	curl --data-binary 'a line to translate' http://localhost:8080/
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"

	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/run"
)

const longest = 1 << 20 // bytes of a request

// handler translates the lines of a request. Requests take turns; the work for one that is given up ends.
func handler(t *run.Translator) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, longest))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		lines := strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")
		found, err := t.Translate(r.Context(), 1, lines, run.TranslateOptions{Beam: decode.Beam{Width: 5}})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		for _, best := range found { // none for a blank line
			for _, translation := range best {
				fmt.Fprint(w, translation.Text)
			}
			fmt.Fprintln(w)
		}
	}
}

func main() {
	dir := flag.String("run", "runs/pairs", "the folder of the run")
	address := flag.String("address", "localhost:8080", "where to listen; port 0 is any that is free")
	flag.Parse()
	r, err := run.Open(*dir)
	check(err)
	t, err := r.Translator()
	check(err)
	defer t.Close()
	l, err := net.Listen("tcp", *address)
	check(err)
	fmt.Printf("listening on http://%s\n", l.Addr())
	check(http.Serve(l, handler(t)))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

package serve

import (
	"embed"
	"io/fs"
	"net/http"
)

//go:embed page
var pageFiles embed.FS

// PageFile is a part of the page, such as style.css, for other pages that look like it.
func PageFile(name string) []byte {
	data, err := pageFiles.ReadFile("page/" + name)
	if err != nil { // all are parts of the program
		panic(err)
	}
	return data
}

// page answers with the page and its parts.
func page() http.Handler {
	files, err := fs.Sub(pageFiles, "page")
	if err != nil { // the folder is a part of the program
		panic(err)
	}
	serve := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET")
			writeError(w, &callError{405, r.URL.Path + " takes GET only"})
			return
		}
		if _, err := fs.Stat(files, r.URL.Path[1:]); err != nil && r.URL.Path != "/" {
			writeError(w, &callError{404, "there is nothing at " + r.URL.Path + ": see /openapi.json"})
			return
		}
		serve.ServeHTTP(w, r)
	})
}

//go:build ignore

// Exported counts what pkg.go.dev shows of this module: public packages, and of each the exported names and methods.
//
//	go run docs/exported.go
package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	const format = "{{.Name}} {{.ImportPath}} {{.Dir}} {{.Module.Path}}"
	out, err := exec.Command("go", "list", "-f", format, "./...").Output()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("| package | exported names | methods |")
	fmt.Println("|---|---|---|")
	packages, names, methods := 0, 0, 0
	for line := range bytes.Lines(out) {
		f := strings.Fields(string(line))
		name, path, dir, module := f[0], f[1], f[2], f[3]
		if name == "main" || strings.Contains(path+"/", "/internal/") {
			continue
		}
		n, m, err := count(dir)
		if err != nil {
			log.Fatal(err)
		}
		if n+m == 0 {
			continue
		}
		packages, names, methods = packages+1, names+n, methods+m
		fmt.Printf("| `%s` | %d | %d |\n", strings.TrimPrefix(path, module+"/"), n, m)
	}
	fmt.Printf("| %d packages | %d | %d |\n", packages, names, methods)
}

// count counts the exported names of the package in a folder, and the exported methods of its exported types. Names of
// files for other systems count too.
func count(dir string) (names, methods int, err error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return 0, 0, err
	}
	seen := map[string]bool{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return 0, 0, err
		}
		for _, d := range file.Decls {
			for _, name := range exported(d) {
				if seen[name] {
					continue
				}
				seen[name] = true
				if strings.Contains(name, ".") {
					methods++
				} else {
					names++
				}
			}
		}
	}
	return names, methods, nil
}

// exported are the exported names that a declaration makes; Type.Method of a method.
func exported(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		switch {
		case !d.Name.IsExported():
		case d.Recv == nil:
			names = append(names, d.Name.Name)
		case ast.IsExported(receiver(d.Recv.List[0].Type)):
			names = append(names, receiver(d.Recv.List[0].Type)+"."+d.Name.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() {
					names = append(names, s.Name.Name)
				}
			case *ast.ValueSpec:
				for _, n := range s.Names {
					if n.IsExported() {
						names = append(names, n.Name)
					}
				}
			}
		}
	}
	return names
}

// receiver is the name of the type that a method belongs to.
func receiver(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.IndexExpr:
		return receiver(t.X)
	case *ast.Ident:
		return t.Name
	}
	return ""
}

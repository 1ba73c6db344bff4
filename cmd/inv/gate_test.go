package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestTextPassesTheGate wants that what is printed to a command's streams is either a
// constant or goes through errf and outf, which make names and errors harmless.
func TestTextPassesTheGate(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || !printsToStream(call) {
				return true
			}
			calls++
			for _, arg := range call.Args[1:] {
				if _, constant := arg.(*ast.BasicLit); !constant && !isName(arg, "eraseLine") {
					t.Errorf("%s: use errf or outf, which make names harmless", fset.Position(call.Pos()))
				}
			}
			return true
		})
	}
	if calls == 0 {
		t.Error("no call was found")
	}
}

// printsToStream reports whether a call is fmt.Fprint, Fprintln or Fprintf to the out or
// err of streams.
func printsToStream(call *ast.CallExpr) bool {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !isName(f.X, "fmt") || !strings.HasPrefix(f.Sel.Name, "Fprint") {
		return false
	}
	stream, ok := call.Args[0].(*ast.SelectorExpr)
	return ok && (stream.Sel.Name == "err" || stream.Sel.Name == "out")
}

func isName(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

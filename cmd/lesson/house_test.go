package main

import (
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The module's root, seen from this package.
const top = "../.."

// rooms says what each part of the tree may import from within the module.
// The first row that fits a package decides; "/..." stands for a path and all
// below it. docs/architecture.md tells why.
var rooms = []struct {
	room string
	may  []string
}{
	{"lesson/lesson/lang", nil},
	{"lesson/lesson/tcp", []string{"lesson/lesson/lang"}},
	{"lesson/lesson/tcp/notation", []string{"lesson/lesson/tcp", "lesson/lesson/lang"}},
	{"lesson/lesson", []string{"lesson/lesson/tcp/...", "lesson/lesson/lang"}},
	{"lesson/lesson/follow", []string{"lesson/lesson/tcp", "lesson/lesson/lang"}},
	{"lesson/lesson/filter", []string{"lesson/lesson/tcp", "lesson/lesson/lang"}},
	{"lesson/lesson/lessons", []string{"lesson/lesson"}},
	{"lesson/lesson/damage", []string{"lesson/lesson", "lesson/lesson/tcp"}},
	{"lesson/lesson/recorded", []string{"lesson/lesson"}},
	{"lesson/lesson/hand", []string{"lesson/lesson", "lesson/lesson/tcp"}},
	{"lesson/lesson/stage", []string{"lesson/lesson", "lesson/lesson/hand", "lesson/lesson/tcp/...", "lesson/lesson/lang"}},
	{"lesson/lesson/trial", []string{"lesson/lesson", "lesson/lesson/hand", "lesson/lesson/tcp/...", "lesson/lesson/lang"}},
	{"lesson/lesson/render/...", []string{"lesson/lesson", "lesson/lesson/render/...", "lesson/lesson/tcp/...", "lesson/lesson/lang"}},
	{"lesson/capture/...", []string{"lesson/capture/...", "lesson/lesson/tcp/...", "lesson/lesson/lang"}},
	{"lesson/cmd/...", []string{"lesson/capture/...", "lesson/lesson/..."}},
}

// alone maps a library to the only room that may import it.
var alone = map[string]string{
	"github.com/google/gopacket":    "lesson/capture",
	"github.com/klauspost/compress": "lesson/capture",
	"github.com/fatih/color":        "lesson/lesson/render/ladder",
	"github.com/spf13/cobra":        "lesson/cmd",
	"github.com/vishvananda":        "lesson/capture",
}

// TestImports holds the direction in which data flows through the packages.
func TestImports(t *testing.T) {
	eachFile(t, func(name, pkg string, src []byte) {
		f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		isTest := strings.HasSuffix(name, "_test.go")
		for _, imp := range f.Imports {
			what := strings.Trim(imp.Path.Value, `"`)
			for library, room := range alone {
				if within(what, library) && !within(pkg, room) {
					t.Errorf("%s imports %s, which belongs to %s alone", name, what, room)
				}
			}
			if isTest {
				continue // a test may look at what it tests from anywhere
			}
			if within(what, "lesson") && !mayImport(pkg, what) {
				t.Errorf("%s: %s may not import %s", name, pkg, what)
			}
			std := !strings.Contains(strings.Split(what, "/")[0], ".")
			if within(pkg, "lesson/lesson/tcp") && !std {
				t.Errorf("%s: the core imports %s, which is not in the standard library", name, what)
			}
		}
	})
}

// mayImport looks the rule up. A package without a room may import nothing.
func mayImport(pkg, what string) bool {
	for _, r := range rooms {
		if fits(pkg, r.room) {
			return slices.ContainsFunc(r.may, func(ok string) bool { return fits(what, ok) })
		}
	}
	return false
}

// fits reports whether a path is the one named, or below it where it ends in "/...".
func fits(p, pattern string) bool {
	tree, ok := strings.CutSuffix(pattern, "/...")
	return p == pattern || ok && within(p, tree)
}

// within reports whether a path is prefix or below it.
func within(p, prefix string) bool { return p == prefix || strings.HasPrefix(p, prefix+"/") }

// TestSize keeps files short enough to find one's way in.
func TestSize(t *testing.T) {
	eachFile(t, func(name, _ string, src []byte) {
		if n := bytes.Count(src, []byte("\n")); n > 700 {
			t.Errorf("%s has %d lines; 700 is the most", name, n)
		}
	})
}

// TestPackageComments wants a sentence on every package: what it is for.
func TestPackageComments(t *testing.T) {
	said := map[string]bool{}
	eachFile(t, func(name, pkg string, src []byte) {
		f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "_test.go") {
			said[pkg] = said[pkg] || strings.TrimSpace(f.Doc.Text()) != ""
		}
	})
	for pkg, ok := range said {
		if !ok {
			t.Errorf("package %s does not say what it is for", pkg)
		}
	}
}

// TestArchitecture holds docs/architecture.md to the packages there are and to
// what they import.
func TestArchitecture(t *testing.T) {
	imports := map[string]map[string]bool{}
	eachFile(t, func(name, pkg string, src []byte) {
		if strings.HasSuffix(name, "_test.go") {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		pkg = strings.TrimPrefix(pkg, "lesson/")
		if imports[pkg] == nil {
			imports[pkg] = map[string]bool{}
		}
		for _, imp := range f.Imports {
			if what, ok := strings.CutPrefix(strings.Trim(imp.Path.Value, `"`), "lesson/"); ok {
				imports[pkg][what] = true
			}
		}
	})
	doc, err := os.ReadFile(filepath.Join(top, "docs/architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile("`([^`]+)`")
	for _, row := range regexp.MustCompile("(?m)^\\| `(.+?)` \\|.*\\| (.*) \\|$").FindAllStringSubmatch(string(doc), -1) {
		pkg, says := row[1], row[2]
		is, ok := imports[pkg]
		if delete(imports, pkg); !ok {
			t.Errorf("docs/architecture.md has a package %s that is not there", pkg)
		}
		if says == "everything" {
			continue
		}
		want := strings.Join(slices.Sorted(maps.Keys(is)), " ")
		var got []string
		for _, q := range quoted.FindAllStringSubmatch(says, -1) {
			got = append(got, q[1])
		}
		if slices.Sort(got); strings.Join(got, " ") != want {
			t.Errorf("docs/architecture.md says that %s imports %v; it imports %s", pkg, got, want)
		}
	}
	for pkg := range imports {
		t.Errorf("docs/architecture.md has no word on the package %s", pkg)
	}
}

// eachFile visits every Go file of the module.
func eachFile(t *testing.T, visit func(name, pkg string, src []byte)) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(top), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "bin") {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		src, err := os.ReadFile(filepath.Join(top, name))
		if err != nil {
			return err
		}
		visit(name, path.Join("lesson", path.Dir(name)), src)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

//go:build unix

package safefile

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pkg/errors"
)

const text = "years of work"

// obstacles are what may have the name of a file, by what an error calls it. There is a file elsewhere, which
// none may change.
func obstacles(t *testing.T) (elsewhere string, make map[string]func(path string) error) {
	elsewhere = filepath.Join(t.TempDir(), "precious.txt")
	if err := os.WriteFile(elsewhere, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if got, err := os.ReadFile(elsewhere); err != nil || string(got) != text {
			t.Errorf("the file elsewhere: %q, %v", got, err)
		}
		if entries, _ := os.ReadDir(filepath.Dir(elsewhere)); len(entries) != 1 {
			t.Errorf("elsewhere there is now %v", entries)
		}
	})
	return elsewhere, map[string]func(string) error{
		"link":             func(path string) error { return os.Symlink(elsewhere, path) },
		"link to nothing":  func(path string) error { return os.Symlink(elsewhere+"-none", path) },
		"link to a device": func(path string) error { return os.Symlink("/dev/zero", path) },
		"hard link":        func(path string) error { return os.Link(elsewhere, path) },
		"pipe":             func(path string) error { return syscall.Mkfifo(path, 0o666) },
		"folder":           func(path string) error { return os.Mkdir(path, 0o777) },
	}
}

// folder is one that is held open until the test ends.
func folder(t *testing.T) *os.Root {
	t.Helper()
	in, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	return in
}

func TestNothingIsWrittenThroughAnObstacle(t *testing.T) {
	_, obstacles := obstacles(t)
	for name, make := range obstacles {
		for call, open := range map[string]func(in *os.Root) error{
			"Own":     func(in *os.Root) error { _, err := Own(in, "file"); return err },
			"TryLock": func(in *os.Root) error { _, err := TryLock(in, "file"); return err },
			"MkdirIn": func(in *os.Root) error { _, err := MkdirIn(in, "file"); return err },
		} {
			in := folder(t)
			path := Path(in, "file")
			if err := make(path); err != nil {
				t.Fatal(err)
			}
			if name == "folder" && call == "MkdirIn" {
				continue // that is what it makes
			}
			var e *Error
			if err := open(in); !errors.As(err, &e) || !e.Writing || e.Path != path {
				t.Errorf("%s, %s: %v", call, name, err)
			}
		}
	}
}

func TestReadsEnd(t *testing.T) {
	_, obstacles := obstacles(t)
	for name, make := range obstacles {
		path := filepath.Join(t.TempDir(), "file")
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		var e *Error
		switch name {
		case "link", "hard link": // may be read
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			f.Close()
		case "link to nothing":
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v", name, err)
			}
		case "folder":
			if !errors.Is(err, syscall.EISDIR) {
				t.Errorf("%s: %v", name, err)
			}
		default:
			if !errors.As(err, &e) {
				t.Errorf("%s: %v", name, err)
			}
		}
		got, err := Read(path, 100)
		if name == "hard link" {
			if err != nil || string(got) != text {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		} else if !errors.As(err, &e) || e.Path != path {
			t.Errorf("%s, in its folder: %q, %v", name, got, err)
		}
	}
}

func TestReadIsLimited(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(path, int64(len(text))); err != nil || string(got) != text {
		t.Errorf("%q, %v", got, err)
	}
	if err := os.Truncate(path, 1<<40); err != nil { // takes no place
		t.Skip(err)
	}
	var e *Error
	if _, err := Read(path, 1<<20); !errors.As(err, &e) || e.Path != path ||
		!strings.Contains(e.What, "at most 1048576 are read") {
		t.Errorf("a terabyte: %v", err)
	}
}

// What was written before stays until its owner changes it.
func TestOwnKeepsContents(t *testing.T) {
	in := folder(t)
	for _, want := range []string{"", text} {
		f, err := Own(in, "file")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := in.ReadFile("file"); err != nil || string(got) != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
		fmt.Fprint(f, text)
		f.Close()
	}
}

func TestLock(t *testing.T) {
	in := folder(t)
	first, err := TryLock(in, ".lock")
	if err != nil {
		t.Fatal(err)
	}
	_, err = TryLock(in, ".lock")
	var e *LockedError
	if !errors.As(err, &e) || e.PID != os.Getpid() {
		t.Fatalf("a second lock: %v", err)
	}
	time.AfterFunc(30*time.Millisecond, func() { first.Unlock() })
	waited := 0
	second, err := WaitLock(context.Background(), in, ".lock", func(*LockedError) { waited++ })
	if err != nil || waited != 1 {
		t.Fatalf("waited %d times, %v", waited, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	if _, err := WaitLock(ctx, in, ".lock", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waits for ever: %v", err)
	}
	if err := second.Unlock(); err != nil {
		t.Fatal(err)
	}
}

// Who holds a lock is told by process, and by host if that is another one; other versions wrote no host.
func TestLockHolder(t *testing.T) {
	here, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for content, want := range map[string]string{
		"": "another process", "12\n": "process 12", "12 node-7.cluster\n": "process 12 on node-7.cluster",
		"12 " + here + "\n": "process 12",
	} {
		in := folder(t)
		if err := in.WriteFile(".lock", []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := in.OpenFile(".lock", os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := lockFile(f); err != nil {
			t.Fatal(err)
		}
		var e *LockedError
		if _, err := TryLock(in, ".lock"); !errors.As(err, &e) || e.Holder() != want {
			t.Errorf("%q: %v, want %s", content, err, want)
		}
		f.Close()
		lock, err := TryLock(in, ".lock")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := in.ReadFile(".lock"); err != nil || string(got) != fmt.Sprintf("%d %s\n", os.Getpid(), here) {
			t.Errorf("it holds %q, %v", got, err)
		}
		lock.Unlock()
	}
}

// A file that is no lock is not made one.
func TestLockOfAnotherFile(t *testing.T) {
	in := folder(t)
	if err := in.WriteFile(".lock", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var e *Error
	if _, err := TryLock(in, ".lock"); !errors.As(err, &e) || !e.Writing {
		t.Errorf("locked: %v", err)
	}
	if got, err := in.ReadFile(".lock"); err != nil || string(got) != text {
		t.Errorf("%q, %v", got, err)
	}
}

// The umask says who may read what is made.
func TestUmask(t *testing.T) {
	for _, mask := range []int{0o077, 0o022} {
		old := syscall.Umask(mask)
		in := folder(t)
		f, err := CreateTemp(in, ".file-")
		sub, err2 := MkdirTemp(in, ".folder-")
		syscall.Umask(old)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		for path, all := range map[string]fs.FileMode{f.Name(): 0o666, Path(in, sub): 0o777} {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != all&^fs.FileMode(mask) {
				t.Errorf("umask %o: %v, %v", mask, info.Mode(), err)
			}
		}
		if !IsTemp(filepath.Base(sub), ".folder-") || IsTemp(".folder-1x", ".folder-") || IsTemp(".folder-", ".folder-") {
			t.Error("IsTemp")
		}
	}
}

// A scratch file can be written and read, and has no name.
func TestScratch(t *testing.T) {
	in := folder(t)
	f, err := Scratch(in, ".tokens.tmp-")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := make([]byte, len(text))
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if _, err := f.ReadAt(got, 0); err != nil || string(got) != text {
		t.Errorf("%q, %v", got, err)
	}
	if left, err := os.ReadDir(in.Name()); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

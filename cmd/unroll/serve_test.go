//go:build unix

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/unroll-ml/unroll/internal/serve"
)

func TestServeErrors(t *testing.T) {
	small(t, nil)
	trainSmall(t, "--steps", "3")
	t.Setenv(serve.TokenVariable, "")
	writeFile(t, "empty", "\n")
	want(t, exitUsage, `--addr is "here": it must be HOST:PORT, such as 127.0.0.1:8080`, "serve", "run", "--addr", "here")
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:80", "example.com:80"} {
		want(t, exitUsage, "--addr "+addr+" is reached by other machines: give a token with --token-file, or use "+
			"127.0.0.1", "serve", "run", "--addr", addr)
	}
	want(t, exitNoInput, "--token-file: none does not exist: check the path", "serve", "run", "--token-file", "none")
	want(t, exitData, "--token-file: empty is empty: write a token into it, for example with openssl rand -hex 32",
		"serve", "run", "--token-file", "empty")
	want(t, exitNoInput, "RUN: none does not exist: check the path", "serve", "none", "--addr", "127.0.0.1:0")
	want(t, exitData, "RUN: . is no run, it holds no config.yaml: give the folder that unroll train wrote", "serve", ".")
	want(t, exitUsage, "--batch is 0: it must be at least 1", "serve", "run", "--addr", "127.0.0.1:0", "--batch", "0")
	want(t, exitUsage, "two runs are called run: rename the folder of one", "serve", "run", "./run", "--addr",
		"127.0.0.1:0")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr := l.Addr().String()
	want(t, exitNoOutput, "--addr: another program listens on "+addr+": end it, or choose another port", "serve",
		"run", "--addr", addr)
}

// The command says where it listens, answers who has the token, and ends with TERM.
func TestServe(t *testing.T) {
	small(t, nil)
	trainSmall(t, "--steps", "3")
	writeFile(t, "token", "secret\n")
	cmd := program("serve", "run", "--addr", "127.0.0.1:0", "--token-file", "token")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url := strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
	ask := func(token string) (int, string) {
		r, err := http.NewRequest("POST", url+"/v1/predict",
			strings.NewReader(`{"inputs":["the c"],"length":4,"temperature":0}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		text, err := io.ReadAll(a.Body)
		if err != nil {
			t.Fatal(err)
		}
		return a.StatusCode, string(text)
	}
	if status, text := ask("wrong"); status != 401 {
		t.Errorf("%d %s", status, text)
	}
	wanted := strings.TrimSuffix(must(t, "sample", "run", "--prompt", "the c", "--length", "4", "--temperature", "0"),
		"\n")
	if status, text := ask("secret"); status != 200 ||
		!strings.Contains(text, fmt.Sprintf(`"text":%q`, strings.TrimPrefix(wanted, "the c"))) {
		t.Errorf("%d %s, want %q", status, text, wanted)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Process.Signal(syscall.SIGTERM) // as timeout(1) does
	if code := exitOf(cmd.Wait()); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

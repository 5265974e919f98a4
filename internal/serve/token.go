package serve

import (
	"fmt"
	"os"
	"strings"

	"github.com/unroll-ml/unroll/internal/safefile"
	"github.com/unroll-ml/unroll/trainer/run"
)

// TokenVariable is the environment variable that may have the token.
const TokenVariable = "UNROLL_TOKEN"

// maxToken is how many bytes of a file are read for a token.
const maxToken = 4096

// Token is what callers must send: what the file has or, without one, TokenVariable; "" for none.
func Token(file string) (string, error) {
	if file == "" {
		return os.Getenv(TokenVariable), nil
	}
	data, err := safefile.Read(file, maxToken)
	if err != nil {
		return "", run.NewInputError("--token-file", err)
	}
	token := strings.TrimSpace(string(data))
	if token == "" {
		return "", &run.DataError{What: fmt.Sprintf("--token-file: %s is empty: write a token into it, for example with "+
			"openssl rand -hex 32", file)}
	}
	return token, nil
}

package parallel

import (
	"bytes"
	"context"
	"encoding/gob"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/setting"
)

// ErrElsewhere says that another rank has ended what all share; its own error says why.
var ErrElsewhere = errors.New("another process has ended the work that is shared")

// sharersKey finds the ranks that share work in its context.
type sharersKey struct{}

// Sharing is a context in which Share divides work among the ranks of c, all of which must do the same with theirs.
func Sharing(ctx context.Context, c Communicator) context.Context {
	return context.WithValue(ctx, sharersKey{}, c)
}

// Share computes n results, and gives them to take in their order: so what take adds up has the same bits, however many
// ranks there are. In a context of Sharing each result is computed by one rank, the i-th by rank i modulo their number,
// and all ranks take all of them; other contexts mean one rank. Results travel as encoding/gob has them, fields that
// are exported. That the context is done in one rank, or an error of compute there, ends it in all: there with that
// error, in the others with ErrElsewhere.
func Share[R any](
	ctx context.Context, n int, compute func(i int) (R, error), take func(i int, result R) error,
) error {
	if err := setting.Context(ctx); err != nil {
		return err
	}
	if compute == nil || take == nil {
		return errors.New("there is no function that computes a result, or none that takes it")
	}
	world, ok := ctx.Value(sharersKey{}).(Communicator)
	if !ok {
		world = Alone{}
	}
	for first := 0; first < n; first += world.Size() {
		var mine contribution[R]
		err := ctx.Err()
		if i := first + world.Rank(); err == nil && i < n {
			mine.Result, err = compute(i)
		}
		mine.Ended = err != nil
		all, failed := exchange(world, mine)
		switch {
		case err != nil:
			return err
		case failed != nil:
			return failed
		}
		for k := range min(len(all), n-first) {
			if err := take(first+k, all[k].Result); err != nil {
				return err
			}
		}
	}
	return nil
}

// contribution is what a rank brings to a round of Share.
type contribution[R any] struct {
	Result R
	Ended  bool // there is none, and will be none
}

// exchange gives the contributions of all ranks, by rank; ErrElsewhere if one has none.
func exchange[R any](world Communicator, mine contribution[R]) ([]contribution[R], error) {
	if world.Size() == 1 {
		return []contribution[R]{mine}, nil
	}
	var data bytes.Buffer
	if err := gob.NewEncoder(&data).Encode(mine); err != nil {
		return nil, errors.WithStack(err)
	}
	texts, err := world.Gather(data.Bytes())
	if err != nil {
		return nil, err
	}
	all := make([]contribution[R], len(texts))
	for rank, text := range texts {
		if err := gob.NewDecoder(bytes.NewReader(text)).Decode(&all[rank]); err != nil {
			return nil, errors.WithStack(err)
		}
		if all[rank].Ended {
			return nil, ErrElsewhere
		}
	}
	return all, nil
}

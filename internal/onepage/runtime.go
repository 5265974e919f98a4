package onepage

import (
	"context"

	"github.com/unroll-ml/unroll/internal/catalog"
	"github.com/unroll-ml/unroll/trainer/run"
)

// version is that of the runtime.
const version = "1.30.0"

// Package is the runtime: the build for one thread, which computes on the processor.
var Package = catalog.Set{
	Name: "onnxruntime-web-" + version, What: "ONNX Runtime for browsers", Licence: "MIT",
	Home:    "https://onnxruntime.ai",
	Archive: "https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-" + version + ".tgz",
	Files: []catalog.File{
		{Name: "ort.wasm.bundle.min.mjs", Bytes: 73054, Member: "package/dist/ort.wasm.bundle.min.mjs",
			SHA256: "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90"},
		{Name: "ort-wasm-simd-threaded.wasm", Bytes: 14239897, Member: "package/dist/ort-wasm-simd-threaded.wasm",
			SHA256: "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"},
	},
}

// Runtime is what computes models in the page.
type Runtime struct{ script, wasm []byte }

// Get is the runtime in a file that was downloaded as Package.Archive or, with "", in a folder of data sets, to which
// it is downloaded if it is not there: see catalog.Store.Get.
func Get(ctx context.Context, s *catalog.Store, archive string) (*Runtime, error) {
	var files [][]byte
	var err error
	if archive != "" {
		files, err = Package.Unpack(archive)
		err = run.NewInputError("`runtime`", err)
	} else if err = s.Get(ctx, &Package); err == nil {
		files, err = Package.Read(s.Dir)
	}
	if err != nil {
		return nil, err
	}
	return &Runtime{files[0], files[1]}, nil
}

const licence = `MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
`

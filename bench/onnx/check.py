"""Checks the ONNX files in a folder with onnx.checker, shapes too: see check.sh."""
import glob
import sys

import onnx

files = sorted(glob.glob(sys.argv[1] + "/*.onnx"))
for path in files:
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
print(f"onnx.checker {onnx.__version__}: {len(files)} models")
sys.exit(not files)

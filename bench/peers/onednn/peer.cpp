// The recurrent layers of bench/peers by oneDNN's primitives for them. torch.py says what is asked and answered.
//
// A step does what a training step asks of the layers: the weights, which an optimizer would have changed, are put into
// the primitives' layouts again, gradients begin at 0, and there is a forward and a backward pass.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <omp.h>
#include <oneapi/dnnl/dnnl.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#if DNNL_VERSION_MAJOR != 2
#error this is written for oneDNN 2
#endif

using namespace dnnl;
using tag = memory::format_tag;
using numbers = std::vector<float>;

static engine cpu(engine::kind::cpu, 0);
static stream work(cpu);

struct tensor {
	std::vector<long> shape;
	numbers data;
};

// text is the value of a key in a flat JSON object: a string without its quotation marks, or a number.
static std::string text(const std::string &json, const std::string &key) {
	size_t at = json.find("\"" + key + "\":");
	if (at == std::string::npos) return "";
	at += key.size() + 3;
	if (json[at] == '"') return json.substr(at + 1, json.find('"', at + 1) - at - 1);
	return json.substr(at, json.find_first_of(",}", at) - at);
}

// integers are those of a JSON array.
static std::vector<long> integers(const std::string &json, const std::string &key) {
	size_t at = json.find("\"" + key + "\":[") + key.size() + 4;
	std::stringstream in(json.substr(at, json.find(']', at) - at));
	std::vector<long> xs;
	for (std::string x; std::getline(in, x, ',');) xs.push_back(std::stol(x));
	return xs;
}

// read reads the floating-point tensors of a safetensors file.
static std::map<std::string, tensor> read(const std::string &path) {
	std::ifstream in(path, std::ios::binary);
	std::string all((std::istreambuf_iterator<char>(in)), {});
	uint64_t header = 0;
	if (all.size() < 8) throw std::runtime_error("cannot read " + path);
	memcpy(&header, all.data(), 8);
	std::string json = all.substr(8, header);
	std::map<std::string, tensor> out;
	for (size_t at = 0; (at = json.find("\":{\"dtype\":", at)) != std::string::npos; at++) {
		size_t begin = json.rfind('"', at - 1) + 1;
		std::string entry = json.substr(at + 2, json.find('}', at) - at - 1);
		if (text(entry, "dtype") != "F32") continue;
		auto where = integers(entry, "data_offsets");
		tensor t{integers(entry, "shape"), numbers((where[1] - where[0]) / 4)};
		memcpy(t.data.data(), all.data() + 8 + header + where[0], where[1] - where[0]);
		out[json.substr(begin, at - begin)] = t;
	}
	return out;
}

static memory::desc plain(memory::dims d, tag t) { return memory::desc(d, memory::data_type::f32, t); }

static numbers values(memory m, tag t) { // in a plain layout
	memory::desc d = plain(m.get_desc().dims(), t);
	numbers out(d.get_size() / 4);
	memory to(d, cpu, out.data());
	reorder(m, to).execute(work, m, to);
	work.wait();
	return out;
}

static double squares(const numbers &xs) {
	double sum = 0;
	for (float x : xs) sum += double(x) * x;
	return sum;
}

// job is layers with their inputs, ready to run.
struct job {
	long layers, batch, steps, in, hidden;
	int gates, biases; // numbers of blocks of weights, and of biases
	numbers x, g, dy, wx, wh, bias, y, dx, db;
	memory X, Y, DY, DX, H0, HT, DH0, DHT, C0, CT, DC0, DCT, B, DB, WX, WH, FX, FH, BX, BH, DWX, DWH, space;
	std::vector<reorder> orders;
	primitive forward, backward;
	std::unordered_map<int, memory> forwardArgs, backwardArgs;

	memory zeros(memory::desc d) {
		memory m(d, cpu);
		memset(m.get_data_handle(), 0, d.get_size());
		return m;
	}

	explicit job(const std::map<std::string, tensor> &t) {
		auto &rows = t.at("in/rows"), &first = t.at("rnn.weight_hh_l0");
		steps = rows.shape[0], batch = rows.shape[1], in = rows.shape[2], hidden = first.shape[1];
		gates = first.shape[0] / hidden, biases = gates == 3 ? 4 : gates;
		for (layers = 0; t.count("rnn.weight_hh_l" + std::to_string(layers));) layers++;
		x = rows.data, g = t.at("in/g").data, dy = g;
		for (float &v : dy) v /= g.size();
		pack(t);
		describe();
	}

	// block is where PyTorch's, and unroll's, block of a gate stands in oneDNN: of a GRU they are z, r, n here and r, z, n there.
	int block(int gate) const { return gates == 3 && gate < 2 ? 1 - gate : gate; }

	void pack(const std::map<std::string, tensor> &t) {
		wx.resize(layers * in * gates * hidden), wh.resize(layers * hidden * gates * hidden);
		bias.resize(layers * biases * hidden);
		for (long l = 0; l < layers; l++) {
			auto name = [&](const char *what) { return "rnn." + std::string(what) + "_l" + std::to_string(l); };
			auto &ih = t.at(name("weight_ih")).data, &hh = t.at(name("weight_hh")).data;
			auto &bi = t.at(name("bias_ih")).data, &bh = t.at(name("bias_hh")).data;
			for (int q = 0; q < gates; q++)
				for (long o = 0; o < hidden; o++) {
					long from = q * hidden + o, to = block(q) * hidden + o;
					for (long i = 0; i < in; i++) wx[(l * in + i) * gates * hidden + to] = ih[from * in + i];
					for (long i = 0; i < hidden; i++) wh[(l * hidden + i) * gates * hidden + to] = hh[from * hidden + i];
					float *b = &bias[l * biases * hidden];
					bool apart = gates == 3 && q == 2; // the one block with two biases
					b[to] = apart ? bi[from] : bi[from] + bh[from];
					if (apart) b[to + hidden] = bh[from];
				}
		}
	}

	// primitives makes the two passes of a kind of cell.
	template <class Forward, class Backward, class F, class B> void primitives(F forwardDesc, B backwardDesc) {
		typename Forward::primitive_desc f(forwardDesc, cpu);
		typename Backward::primitive_desc b(backwardDesc, cpu, f);
		forward = Forward(f), backward = Backward(b);
		FX = memory(f.weights_layer_desc(), cpu), FH = memory(f.weights_iter_desc(), cpu);
		BX = memory(b.weights_layer_desc(), cpu), BH = memory(b.weights_iter_desc(), cpu);
		DWX = memory(b.diff_weights_layer_desc(), cpu), DWH = memory(b.diff_weights_iter_desc(), cpu);
		space = memory(f.workspace_desc(), cpu);
	}

	void describe() {
		auto way = rnn_direction::unidirectional_left2right;
		auto train = prop_kind::forward_training, back = prop_kind::backward;
		auto xs = plain({steps, batch, in}, tag::tnc), ys = plain({steps, batch, hidden}, tag::tnc);
		auto h = plain({layers, 1, batch, hidden}, tag::ldnc), bs = plain({layers, 1, biases, hidden}, tag::ldgo);
		memory::dims dx_ = {layers, 1, in, gates, hidden}, dh_ = {layers, 1, hidden, gates, hidden};
		auto wa = plain(dx_, tag::any), ua = plain(dh_, tag::any);
		y.resize(g.size()), dx.resize(x.size()), db.resize(bias.size());
		X = memory(xs, cpu, x.data()), Y = memory(ys, cpu, y.data());
		DY = memory(ys, cpu, dy.data()), DX = memory(xs, cpu, dx.data());
		B = memory(bs, cpu, bias.data()), DB = memory(bs, cpu, db.data());
		WX = memory(plain(dx_, tag::ldigo), cpu, wx.data()), WH = memory(plain(dh_, tag::ldigo), cpu, wh.data());
		for (memory *m : {&H0, &HT, &DH0, &DHT, &C0, &CT, &DC0, &DCT}) *m = zeros(h);
		if (gates == 4)
			primitives<lstm_forward, lstm_backward>(lstm_forward::desc(train, way, xs, h, h, wa, ua, bs, ys, h, h),
				lstm_backward::desc(back, way, xs, h, h, wa, ua, bs, ys, h, h, xs, h, h, wa, ua, bs, ys, h, h));
		else if (gates == 3)
			primitives<lbr_gru_forward, lbr_gru_backward>(lbr_gru_forward::desc(train, way, xs, h, wa, ua, bs, ys, h),
				lbr_gru_backward::desc(back, way, xs, h, wa, ua, bs, ys, h, xs, h, wa, ua, bs, ys, h));
		else {
			auto tanh = algorithm::eltwise_tanh;
			primitives<vanilla_rnn_forward, vanilla_rnn_backward>(
				vanilla_rnn_forward::desc(train, tanh, way, xs, h, wa, ua, bs, ys, h),
				vanilla_rnn_backward::desc(back, tanh, way, xs, h, wa, ua, bs, ys, h, xs, h, wa, ua, bs, ys, h));
		}
		orders = {reorder(WX, FX), reorder(WH, FH), reorder(WX, BX), reorder(WH, BH)};
		auto arguments = [&](memory &w, memory &u) {
			std::unordered_map<int, memory> a = {{DNNL_ARG_SRC_LAYER, X}, {DNNL_ARG_SRC_ITER, H0},
				{DNNL_ARG_WEIGHTS_LAYER, w}, {DNNL_ARG_WEIGHTS_ITER, u}, {DNNL_ARG_BIAS, B}, {DNNL_ARG_DST_LAYER, Y},
				{DNNL_ARG_DST_ITER, HT}, {DNNL_ARG_WORKSPACE, space}};
			if (gates == 4) a[DNNL_ARG_SRC_ITER_C] = C0, a[DNNL_ARG_DST_ITER_C] = CT;
			return a;
		};
		forwardArgs = arguments(FX, FH), backwardArgs = arguments(BX, BH);
		for (auto &p : std::unordered_map<int, memory>{{DNNL_ARG_DIFF_SRC_LAYER, DX}, {DNNL_ARG_DIFF_SRC_ITER, DH0},
				{DNNL_ARG_DIFF_WEIGHTS_LAYER, DWX}, {DNNL_ARG_DIFF_WEIGHTS_ITER, DWH}, {DNNL_ARG_DIFF_BIAS, DB},
				{DNNL_ARG_DIFF_DST_LAYER, DY}, {DNNL_ARG_DIFF_DST_ITER, DHT}})
			backwardArgs[p.first] = p.second;
		if (gates == 4) backwardArgs[DNNL_ARG_DIFF_SRC_ITER_C] = DC0, backwardArgs[DNNL_ARG_DIFF_DST_ITER_C] = DCT;
	}

	void step() {
		memory from[] = {WX, WH, WX, WH}, to[] = {FX, FH, BX, BH};
		for (int i = 0; i < 4; i++) orders[i].execute(work, from[i], to[i]);
		for (memory *m : {&DWX, &DWH, &DB}) memset(m->get_data_handle(), 0, m->get_desc().get_size());
		forward.execute(work, forwardArgs);
		backward.execute(work, backwardArgs);
		work.wait();
	}

	double loss() const {
		double sum = 0;
		for (size_t i = 0; i < y.size(); i++) sum += double(y[i]) * g[i];
		return sum / y.size();
	}

	// norm is that of all gradients together, of both biases of a gate, which have the same, too.
	double norm() {
		double sum = squares(values(DWX, tag::ldigo)) + squares(values(DWH, tag::ldigo)) + squares(dx);
		for (size_t i = 0; i < db.size(); i++) {
			bool apart = biases > gates && i / hidden % biases >= 2;
			sum += (apart ? 1 : 2) * double(db[i]) * db[i];
		}
		return std::sqrt(sum);
	}
};

static std::string answer(std::map<std::string, std::unique_ptr<job>> &jobs, const std::string &request) {
	std::string what = text(request, "do"), form = text(request, "form");
	char line[64];
	if (what == "clear") {
		jobs.clear();
		return "{}";
	}
	if (what == "build") {
		omp_set_num_threads(std::stoi(text(request, "threads")));
		jobs[form] = std::make_unique<job>(read(text(request, "file")));
		return "{}";
	}
	job &j = *jobs.at(form);
	if (what == "step") {
		j.step();
		snprintf(line, sizeof line, "{\"loss\":%.9g,\"norm\":%.9g}", j.loss(), j.norm());
		return line;
	}
	using clock = std::chrono::steady_clock;
	auto since = [](clock::time_point t) { return std::chrono::duration<double, std::milli>(clock::now() - t).count(); };
	double limit = 0, last = 0;
	if (auto s = text(request, "seconds"); s != "") limit = std::stod(s) * 1e3;
	std::string all;
	for (auto begin = clock::now(); all.empty() || since(begin) + last < limit;) {
		auto t = clock::now();
		j.step();
		last = since(t);
		snprintf(line, sizeof line, "%s%.6f", all.empty() ? "" : ",", last);
		all += line;
	}
	return "{\"ms\":[" + all + "]}";
}

int main() {
	auto v = dnnl_version();
	std::cout << "{\"version\":\"oneDNN " << v->major << "." << v->minor << "." << v->patch << "\"}" << std::endl;
	std::map<std::string, std::unique_ptr<job>> jobs;
	for (std::string request; std::getline(std::cin, request);) {
		std::string reply;
		try {
			reply = answer(jobs, request);
		} catch (const std::exception &e) {
			reply = std::string("{\"error\":\"") + e.what() + "\"}";
		}
		std::cout << reply << std::endl;
	}
}

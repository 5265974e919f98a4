package catalog

import "slices"

// Sets are the data sets that are known by name.
var Sets = []Set{
	{
		Name: "tinyshakespeare", What: "40,000 lines of Shakespeare, 65 different characters", Licence: "public domain",
		Home: "https://github.com/karpathy/char-rnn",
		Files: []File{{Name: "input.txt",
			Bytes: 1115394, SHA256: "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
			URLs: raw("karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt")}},
		Flags: []Flag{{"--text", "input.txt"}},
	},
	{
		Name: "makemore_names", What: "32,033 first names", Licence: "MIT",
		Home: "https://github.com/karpathy/makemore",
		Files: []File{{Name: "names.txt",
			Bytes: 228145, SHA256: "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d",
			URLs: raw("karpathy/makemore/988aa59e4d8fefa526d06f3b453ad116258398d4/names.txt")}},
		Flags: []Flag{{"--text", "names.txt"}},
	},
	{
		Name: "names18", What: "20,050 surnames of 18 languages", Licence: "MIT (the repository)",
		Home:    "https://github.com/spro/practical-pytorch",
		Archive: "https://github.com/spro/practical-pytorch/archive/c520c52e68e945d88fff563dba1c028b6ec0197b.tar.gz",
		Files:   members("practical-pytorch-c520c52e68e945d88fff563dba1c028b6ec0197b/data/names/", names18),
		Flags:   []Flag{{"--folder", ""}},
	},
	{
		Name: "names18_tutorial", What: "20,074 surnames of 18 languages, as in PyTorch's tutorial", Licence: "not stated",
		Home:    "https://pytorch.org/tutorials/intermediate/char_rnn_classification_tutorial.html",
		Archive: "https://download.pytorch.org/tutorial/data.zip",
		Files:   members("data/names/", names18Tutorial()),
		Flags:   []Flag{{"--folder", ""}},
	},
	{
		Name: "mnist", What: "70,000 handwritten digits of 28×28", Licence: "CC BY-SA 3.0",
		Home: "http://yann.lecun.com/exdb/mnist/",
		Files: []File{
			{Name: "train-images-idx3-ubyte", Bytes: 47040016, SHA256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", URLs: mnist("train-images-idx3-ubyte")},
			{Name: "train-labels-idx1-ubyte", Bytes: 60008, SHA256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", URLs: mnist("train-labels-idx1-ubyte")},
			{Name: "t10k-images-idx3-ubyte", Bytes: 7840016, SHA256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", URLs: mnist("t10k-images-idx3-ubyte")},
			{Name: "t10k-labels-idx1-ubyte", Bytes: 10008, SHA256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", URLs: mnist("t10k-labels-idx1-ubyte")},
		},
		Flags: []Flag{{"--idx", ""}},
	},
	{
		Name: "news2012_enhi", What: "13,937 names in English and Hindi, for transliteration",
		Licence: "not stated, for research (NEWS 2012 shared task)",
		Home:    "https://github.com/ek-sai/Machine_Transliteration",
		Files: []File{{Name: "NEWS2012-Training-EnHi-13937.xml",
			Bytes: 1671788, SHA256: "f9a61109a03480d5147c12022c4a649786aa406d5f02adc24db726c85d09d09c", URLs: raw(
				"ek-sai/Machine_Transliteration/d90bf34f9ab6057e5d06a90c749278206d0d55a7/NEWS2012-Training-EnHi-13937.xml",
			)}},
		Flags: []Flag{{"--pairs", "NEWS2012-Training-EnHi-13937.xml"}},
	},
	{
		Name: "multi30k", What: "30,014 German-English captions and 1,000 for testing; raw, and tokenised in lower case",
		Licence: "not stated (captions of Flickr30k)",
		Home:    "https://github.com/multi30k/dataset",
		Files: []File{
			{Name: "train.de", Bytes: 2110398, SHA256: "2c2b73fd2b548fbcde3a875e0a78d6ee94d498bfdee6bd3eae3945779e9ddf72", URLs: multi30k("raw/train.de.gz")},
			{Name: "train.en", Bytes: 1801238, SHA256: "460a15fbd157e34a7a9957ee388c1ca247fe47af3ef25fb50442af6c274e0fc6", URLs: multi30k("raw/train.en.gz")},
			{Name: "val.de", Bytes: 75981, SHA256: "660e09eb7e1da2f856ea13ee5ad3cf6d36b3d5b0b733c857e94c5747a3dfc660", URLs: multi30k("raw/val.de.gz")},
			{Name: "val.en", Bytes: 63297, SHA256: "1f2a23d992769b5b3d209b0a10dd0b77c08cceb1f20dfb97ed0aafa49d107227", URLs: multi30k("raw/val.en.gz")},
			{Name: "test_2016_flickr.de", Bytes: 70649, SHA256: "4be6b5b3236b79c25475c6bb829800a7ce559e9ba7a1f6c2394fe4d40be46d16", URLs: multi30k("raw/test_2016_flickr.de.gz")},
			{Name: "test_2016_flickr.en", Bytes: 62076, SHA256: "399a4382932c1aadd3ceb9bef1008d388a64c76d4ae4e9d4728c6f4301cac182", URLs: multi30k("raw/test_2016_flickr.en.gz")},
			{Name: "train.lc.norm.tok.de", Bytes: 2150008, SHA256: "cb5a23529b65ec2061f1dc446192a9c37382b63cc75f81a0be59d34894b3a505", URLs: multi30k("tok/train.lc.norm.tok.de")},
			{Name: "train.lc.norm.tok.en", Bytes: 1837696, SHA256: "08925f8e0572bcd5a006702fc5fe20e2d77c6917d4eebd576fc20de6693c2119", URLs: multi30k("tok/train.lc.norm.tok.en")},
			{Name: "val.lc.norm.tok.de", Bytes: 77273, SHA256: "97232bd273eceb7207f689527386a97e4be2616b18ada47576bdaf96c8ae1f00", URLs: multi30k("tok/val.lc.norm.tok.de")},
			{Name: "val.lc.norm.tok.en", Bytes: 64608, SHA256: "46573ce391ae227f1c72f873392436a20ef18e0a6d518098cfbd70b77c8572ec", URLs: multi30k("tok/val.lc.norm.tok.en")},
			{Name: "test_2016_flickr.lc.norm.tok.de", Bytes: 71917, SHA256: "c6a33d39d48f9f510de147651316cd9d918e09ad0219df734a2f16b6baccacc4", URLs: multi30k("tok/test_2016_flickr.lc.norm.tok.de")},
			{Name: "test_2016_flickr.lc.norm.tok.en", Bytes: 63307, SHA256: "5b7f32627cf99eced828311b955dae9800bb52bc8b91cf8b6526829e605b29d2", URLs: multi30k("tok/test_2016_flickr.lc.norm.tok.en")},
		},
		Flags: []Flag{{"--src", "train.lc.norm.tok.de"}, {"--tgt", "train.lc.norm.tok.en"},
			{"--valid-src", "val.lc.norm.tok.de"}, {"--valid-tgt", "val.lc.norm.tok.en"}},
	},
	{
		Name: "m4_hourly", What: "414 hourly series of the M4 competition, and the 48 values after each",
		Licence: "not stated, for research (M4 competition)",
		Home:    "https://github.com/Mcompetitions/M4-methods",
		Files: []File{
			{Name: "Hourly-train.csv", Bytes: 2347115, SHA256: "ea59b7783573c49077a835ab6465c7d66f1474783360f310988a9a737fbca62f", URLs: m4("Train/Hourly-train.csv")},
			{Name: "Hourly-test.csv", Bytes: 132820, SHA256: "71a57fccb15e534d973626ada4fb87febf789e9317715b7cc6dd3b5f90db6f42", URLs: m4("Test/Hourly-test.csv")},
		},
		Task: "forecast", Flags: []Flag{{"--series", "Hourly-train.csv"}},
	},
	{
		Name: "ud_french_sequoia", What: "3,099 French sentences with parts of speech (Universal Dependencies)",
		Licence: "LGPL-LR", Home: "https://github.com/UniversalDependencies/UD_French-Sequoia",
		Files: []File{
			{Name: "fr_sequoia-ud-train.conllu", Bytes: 3246253, SHA256: "56424954edf9d20a4d1184e37bfe931fb7c64da82bf2a587b4f35b828d79d767", URLs: sequoia("train")},
			{Name: "fr_sequoia-ud-dev.conllu", Bytes: 643734, SHA256: "a5138dc5e8886484c2f8919e97113f56b9e4329e5cf2a999c021d6ee45e8b45d", URLs: sequoia("dev")},
			{Name: "fr_sequoia-ud-test.conllu", Bytes: 644731, SHA256: "a650e7a223fe191009ded17cedae740659449be20354bd68205c376de4ddef2d", URLs: sequoia("test")},
		},
		Flags: []Flag{{"--conllu", "fr_sequoia-ud-train.conllu"}, {"--valid-conllu", "fr_sequoia-ud-dev.conllu"}},
	},
	{
		Name: "uea", What: "series with classes or numbers: JapaneseVowels, ItalyPowerDemand, ArrowHead, Covid3Month",
		Licence: "BSD-3 (sktime, which passes them on)", Home: "https://github.com/sktime/sktime",
		Files: []File{
			{Name: "JapaneseVowels_TRAIN.ts", Bytes: 487971, SHA256: "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd", URLs: uea("JapaneseVowels", "TRAIN")},
			{Name: "JapaneseVowels_TEST.ts", Bytes: 649132, SHA256: "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462", URLs: uea("JapaneseVowels", "TEST")},
			{Name: "ItalyPowerDemand_TRAIN.ts", Bytes: 18300, SHA256: "341269cb7e6cef96846b30e774580beec79addb93848ba360145219115a74b7c", URLs: uea("ItalyPowerDemand", "TRAIN")},
			{Name: "ItalyPowerDemand_TEST.ts", Bytes: 274054, SHA256: "26122451f87dd0387ef90b18bc8a86c041371b8a1c068004922b939971247144", URLs: uea("ItalyPowerDemand", "TEST")},
			{Name: "ArrowHead_TRAIN.ts", Bytes: 100357, SHA256: "a83c470aaf611a5f5284377cce27a5fc9f6292bc3d110257b0fd4905ced5ee72", URLs: uea("ArrowHead", "TRAIN")},
			{Name: "ArrowHead_TEST.ts", Bytes: 484894, SHA256: "5417dab42626d41df5e435bb22458c2df40dfad4bcd3b59559bbe72e20e84904", URLs: uea("ArrowHead", "TEST")},
			{Name: "Covid3Month_TRAIN.ts", Bytes: 51542, SHA256: "8a58e6186143714d47dfeb2a24e954ef1fb5e7a1d72344b6bb9bbce10ccdfd6f", URLs: uea("Covid3Month", "TRAIN")},
			{Name: "Covid3Month_TEST.ts", Bytes: 22689, SHA256: "5bf6d4ce5cce67735f0893673221c86f10effe284cf4555a162060329b388bea", URLs: uea("Covid3Month", "TEST")},
		},
		Task: "classify", Flags: []Flag{{"--series", "JapaneseVowels_TRAIN.ts"}},
	},
}

// raw is the address of a file of a commit on GitHub.
func raw(path string) []string { return []string{"https://raw.githubusercontent.com/" + path} }

func multi30k(path string) []string {
	return raw("multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/" + path)
}

func m4(path string) []string {
	return raw("Mcompetitions/M4-methods/6c1067e5a57161249b17289a565178dc7a3fb3ca/Dataset/" + path)
}

func sequoia(part string) []string {
	const commit = "f5b049600c89d2cf15ebbec860f75d703884d32b"
	return raw("UniversalDependencies/UD_French-Sequoia/" + commit + "/fr_sequoia-ud-" + part + ".conllu")
}

func uea(name, part string) []string {
	const commit = "7bd7d1620c0656f3210eeb850bb1c0034159ee47"
	return raw("sktime/sktime/" + commit + "/sktime/datasets/data/" + name + "/" + name + "_" + part + ".ts")
}

// mnist are the addresses of copies: the authors' own page no longer serves the files.
func mnist(name string) []string {
	return append([]string{
		"https://ossci-datasets.s3.amazonaws.com/mnist/" + name + ".gz",
		"https://storage.googleapis.com/cvdf-datasets/mnist/" + name + ".gz",
	}, raw("locuslab/TCN/2f8c2b817050206397458dfd1f5a25ce8a32fe65/TCN/mnist_pixel/data/mnist/raw/"+name)...)
}

// members are files of an archive, in one folder of it.
func members(folder string, files []File) []File {
	files = slices.Clone(files)
	for i := range files {
		files[i].Member = folder + files[i].Name
	}
	return files
}

var names18 = []File{
	{Name: "Arabic.txt", Bytes: 13190, SHA256: "6f424a8dbe51cbbbabab7a57d38b617210125e4e3991f3c657cb79b8f104bafc"},
	{Name: "Chinese.txt", Bytes: 1246, SHA256: "09ba8f1f7e38dbc99372d461b26ad4433b811fc6bfa6a3ecca6fe11a9a777465"},
	{Name: "Czech.txt", Bytes: 3916, SHA256: "e17ab0ec47616a72c39cb85c783f70c3663ab64488721e5d8378f146d2226be7"},
	{Name: "Dutch.txt", Bytes: 2351, SHA256: "924f32b635170eae561f84538632138fc07d4c8bbd70ba3fb980de1ecc4d2af3"},
	{Name: "English.txt", Bytes: 27125, SHA256: "9cca037066d3d5989e24bc01801416162de506b5e28e15b7c092a47905d29bf2"},
	{Name: "French.txt", Bytes: 2178, SHA256: "81e65b36c60ed5b89a17422f6edcadbb89546f38ad69e960e64e7ba682012a95"},
	{Name: "German.txt", Bytes: 5610, SHA256: "7449cd590b97a733e18d613a4155decd77ec35dc5f8aadd7a82204dce4f051db"},
	{Name: "Greek.txt", Bytes: 1981, SHA256: "3555b5186de7f401e6d991b088e9e644ca3099116477818c25ab5793801389e6"},
	{Name: "Irish.txt", Bytes: 1858, SHA256: "cf8c7013256252a88d2503127b87282a11f21b2ff6db1bded68834c19a1ec058"},
	{Name: "Italian.txt", Bytes: 5657, SHA256: "f88414c27d0606a11a678b4859277828c2565d6cc4d9ee932deef6e94f3b35e4"},
	{Name: "Japanese.txt", Bytes: 7622, SHA256: "e0e717e114fec3e7eade4d9dabe0067c475f43147e36a22b47902ee76ad9e67f"},
	{Name: "Korean.txt", Bytes: 423, SHA256: "cd54221ccb362a6cba4c78828838cf3268a0e59744767a37cf6ec4b74036b136"},
	{Name: "Polish.txt", Bytes: 1165, SHA256: "45bab898af2f60ed3a728bbf6980e28821011a7caa53227553b5785903a40826"},
	{Name: "Portuguese.txt", Bytes: 554, SHA256: "50a8735f41f4f73757c8ce5b16cb0275cd86b2b214bcbc8c9805f508cb131c53"},
	{Name: "Russian.txt", Bytes: 85168, SHA256: "0cfe53ac18041e8f63666aa77313e0a3ff378facb132abee052d8ebdc8c3d62c"},
	{Name: "Scottish.txt", Bytes: 752, SHA256: "78d0252711d87d948ea86fe34826c51d2d794a8e52d15b5d6f7b6244d45d62dd"},
	{Name: "Spanish.txt", Bytes: 2284, SHA256: "1bcb462ed3316756a85781d68232bddae04498fdddd5d9219c53fd1fbdeba7a7"},
	{Name: "Vietnamese.txt", Bytes: 339, SHA256: "f3f9e4164ab47601178a6e45b216464a64122f49d05541f24bf18a757253281d"},
}

// names18Tutorial are the files of PyTorch's tutorial, of which three are others.
func names18Tutorial() []File {
	files := slices.Clone(names18)
	for _, f := range []File{
		{Name: "Chinese.txt", Bytes: 1247, SHA256: "49263ef55a8cb1740e841d65cad8214b2f9b5b869bc534c811746422496fa91e"},
		{Name: "Czech.txt", Bytes: 3919, SHA256: "145bbbd6d0816578f03388e92c264d39ef1c60df920b081d371fa5c5cc055a8e"},
		{Name: "Russian.txt", Bytes: 85605, SHA256: "43b3e64ce351f77f1ac9e0cdf7566012d127f4371875fd25208845b5c9d6f7c3"},
	} {
		files[slices.IndexFunc(files, func(g File) bool { return g.Name == f.Name })] = f
	}
	return files
}

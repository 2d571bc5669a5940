// The same as warm_client.py, which starts in a sixth of its time; built where the Pulumi CLI is built, too.
package main

import (
	"encoding/binary"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

const endedEarly = 70

var names = map[string]string{
	"exchange":                    "command",
	"language_host.py":            "host",
	"package":                     "package",
	"pulumi.dynamic":              "plugin",
	"pulumi-language-python-exec": "program",
}

func main() {
	words, ofModule, options := os.Args[1:], false, 0
	for ; options < 3 && len(words) > 0 && slices.Contains([]string{"-I", "-u", "-m"}, words[0]); options++ {
		ofModule = ofModule || words[0] == "-m"
		words = words[1:]
	}
	name := ""
	if len(words) > 0 && options > 0 {
		name = names[filepath.Base(words[0])]
	}
	project, modules := os.Getenv("WARM_PYTHONPATH"), os.Getenv("PYTHONPATH")
	if name == "package" && modules == "" && words[0] == project+"/package" {
		modules = project
	}
	if name == "" || modules != project {
		python := os.Getenv("WARM_PYTHON")
		must(syscall.Exec(python, append([]string{python}, os.Args[1:]...), os.Environ()))
	}
	there, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	must(err)
	must(syscall.Connect(there, &syscall.SockaddrUnix{Name: os.Getenv("WARM_FOLDER") + "/" + name}))
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	asked := marshalled(ofModule, words)
	size := binary.BigEndian.AppendUint64(nil, uint64(len(asked)))
	must(syscall.Sendmsg(there, size, syscall.UnixRights(0, 1, 2), nil, 0))
	for len(asked) > 0 {
		sent, err := syscall.Write(there, asked)
		must(err)
		asked = asked[sent:]
	}
	go func() {
		for each := range signals {
			_, _ = syscall.Write(there, []byte{byte(each.(syscall.Signal))}) // it may have ended by itself
		}
	}()
	told := make([]byte, 8)
	got := 0
	for err = error(syscall.EINTR); err == syscall.EINTR; {
		got, err = syscall.Read(there, told)
	}
	if got < len(told) {
		os.Exit(endedEarly)
	}
	code := int64(binary.BigEndian.Uint64(told))
	if code < 0 {
		signal.Reset(syscall.Signal(-code))
		must(syscall.Kill(os.Getpid(), syscall.Signal(-code)))
		select {}
	}
	os.Exit(int(code))
}

// In Python's format: whether the first word is a module, the words, the folder, the variables.
func marshalled(ofModule bool, words []string) []byte {
	folder, err := os.Getwd()
	must(err)
	truth := byte('F')
	if ofModule {
		truth = 'T'
	}
	to := append(long([]byte{'('}, 4), truth)
	to = long(append(to, '['), len(words))
	for _, each := range words {
		to = text(to, each)
	}
	to = append(text(to, folder), '{')
	for _, each := range os.Environ() {
		key, value, _ := strings.Cut(each, "=")
		to = text(text(to, key), value)
	}
	return append(to, '0')
}

func text(to []byte, value string) []byte {
	return append(long(append(to, 'u'), len(value)), value...)
}

func long(to []byte, number int) []byte {
	return binary.LittleEndian.AppendUint32(to, uint32(number))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

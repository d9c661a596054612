// Answers cases with a client itself: `go run . PRESET < cases > answers`.
//
// A case is one JSON line: how an attempt failed. The client is let run into it in a bubble of time
// that stands still but for the client's own waits (testing/synctest). What is measured is how long
// it waits before it tries once more.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// now is the time at which every case takes place.
var now = time.Unix(1_800_000_000, 0)

// A peerCase says how an attempt failed: with a response, or without one in the way that transport
// and phase name.
type peerCase struct {
	Status     int         `json:"status"`
	Headers    [][2]string `json:"headers"`
	Body       string      `json:"body"`
	Transport  string      `json:"transport"`
	Phase      string      `json:"phase"`
	Method     string      `json:"method"`
	Attempt    int         `json:"attempt"`
	MaxRetries *int        `json:"max_retries"`
}

type answer struct {
	Retry   bool     `json:"retry"`
	DelayMs *float64 `json:"delay_ms,omitempty"`
}

// clients are named as presets are before their `@`.
var clients = map[string]func(peerCase) answer{
	"openai-go": openai,
	"grpc":      grpcGo,
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: go run . PRESET < cases > answers")
	}
	name, _, _ := strings.Cut(os.Args[1], "@")
	client, answers := clients[name], os.Stdout
	if client == nil {
		log.Fatalf("no preset `%s` here", os.Args[1])
	}
	// A bubble belongs to a test, and tests print of themselves.
	os.Stdout = os.Stderr
	test := testing.InternalTest{Name: "cases", F: func(t *testing.T) { answerAll(t, client, answers) }}
	every := func(_, _ string) (bool, error) { return true, nil }
	testing.Main(every, []testing.InternalTest{test}, nil, nil)
}

func answerAll(t *testing.T, client func(peerCase) answer, answers *os.File) {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c peerCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatalf("%v: %s", err, lines.Text())
		}
		for i := range c.Headers {
			c.Headers[i][1] = strings.Trim(c.Headers[i][1], " \t") // as HTTP does
		}
		synctest.Test(t, func(*testing.T) {
			time.Sleep(time.Until(now)) // a bubble begins in 2000
			line, _ := json.Marshal(client(c))
			fmt.Fprintf(answers, "%s\n", line)
		})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

// attempts notes when the attempts of a call began and ended.
type attempts struct{ began, ended []time.Time }

// answer tells what the client did after the attempt that the case asks about.
func (a *attempts) answer(c peerCase) answer {
	if len(a.began) <= c.Attempt+1 {
		return answer{}
	}
	ms := float64(a.began[c.Attempt+1].Sub(a.ended[c.Attempt])) / float64(time.Millisecond)
	return answer{Retry: true, DelayMs: &ms}
}

// The API of the server.

const key = "unroll-token";

// NoToken says that the server asks for a token.
export class NoToken extends Error {}

export const useToken = token => sessionStorage.setItem(key, token);

async function ask(path, {body, events, signal} = {}) {
  const headers = {};
  const token = sessionStorage.getItem(key);
  if (token) headers.Authorization = "Bearer " + token;
  if (events) headers.Accept = "text/event-stream";
  if (body) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, {method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), signal});
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server cannot be reached.");
  }
  if (answer.status === 401) throw new NoToken("The token is missing or wrong.");
  if (!answer.ok) throw new Error((await answer.json()).error);
  return answer;
}

// get asks for JSON, and post gives some to ask with.
export const get = async path => (await ask(path)).json();
export const post = async (path, body, signal) => (await ask(path, {body, signal})).json();

// events are the server-sent events of an answer: [name, data].
export async function* events(path, body, signal) {
  const answer = await ask(path, {body, signal, events: true});
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const {value, done} = await reader.read();
    if (done) return;
    text += value;
    const parts = text.split("\n\n");
    text = parts.pop();
    for (const part of parts) {
      const name = /^event: (.*)$/m.exec(part);
      const data = /^data: (.*)$/m.exec(part);
      if (name && data) yield [name[1], JSON.parse(data[1])];
    }
  }
}

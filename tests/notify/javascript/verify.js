// Answers one question, read as JSON: is this request taken? Or, where it has an id: what is its signature?
"use strict";

const { Webhook } = require("standardwebhooks");

function answer({ secret, headers, id, at, body }) {
  if (id !== undefined) {
    return new Webhook(secret).sign(id, new Date(at), body);
  }
  try {
    new Webhook(secret).verify(body, headers, { jsonParse: false });
  } catch (error) {
    return String(error);
  }
  return true;
}

let read = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (chunk) => (read += chunk));
process.stdin.on("end", () => process.stdout.write(JSON.stringify({ answer: answer(JSON.parse(read)) })));

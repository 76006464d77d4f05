// What stands between a browser and the server cuts answers where it likes. Here the end of each
// piece, in which a status may stand, comes byte by byte.
import http from "node:http";
import { setTimeout as pause } from "node:timers/promises";

/** Longer than the shortest status. */
const SLOW = 25;

export async function readCutAnswers({ page, base, check, settled }) {
  const server = http.createServer((request, response) => pass(base, request, response));
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const between = `http://127.0.0.1:${server.address().port}`;
  for (const path of ["/integrations/events", "/agents", "/jobs?show=all"]) {
    await page.goto(between + path);
    await page.locator("tbody tr").first().waitFor();
    await settled(page);
    check(await page.locator(".failure").count() === 0, `${path} reads answers that are cut anywhere`);
  }
  await page.goto(base);
  server.closeAllConnections();
  server.close();
}

function pass(base, request, response) {
  const { method, headers, url } = request;
  const onward = http.request(base + url, { method, headers }, (answer) => {
    // A page that is left ends its streams.
    relay(answer, response, url.startsWith("/t11.") ? SLOW : 0).catch(() => response.destroy());
  });
  response.on("close", () => onward.destroy());
  onward.on("error", () => response.destroy());
  request.pipe(onward);
}

async function relay(answer, response, slow) {
  response.writeHead(answer.statusCode, answer.headers);
  for await (const piece of answer) await write(response, piece, slow);
  response.end();
}

async function write(response, piece, slow) {
  const quick = Math.max(0, piece.length - slow);
  response.write(piece.subarray(0, quick));
  for (const byte of piece.subarray(quick)) {
    response.write(Buffer.of(byte));
    await pause(1);
  }
}

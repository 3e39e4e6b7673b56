/** A worker of its own: the SHA-256 of a file, computed here, beside the upload. */

import { Sha256 } from "./sha256";

const PIECE_BYTES = 4 << 20;

self.addEventListener("message", (event: MessageEvent<File>) => {
  digest(event.data).then(
    (sha256) => self.postMessage(sha256),
    () => self.postMessage(null), // the file changed, or went away: there is nothing to compare
  );
});

async function digest(file: File): Promise<string> {
  const sum = new Sha256();
  for (let at = 0; at < file.size; at += PIECE_BYTES) {
    sum.update(new Uint8Array(await file.slice(at, at + PIECE_BYTES).arrayBuffer()));
  }
  return sum.digest();
}

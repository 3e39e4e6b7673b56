/** SHA-256 (FIPS 180-4), fed piece by piece: the browser's own wants a whole file in memory, and evidence is large. */

const ROUND = new Uint32Array(64);
const START = new Uint32Array(8);
(function constants(): void {
  // Section 4.2.2 and 5.3.3: the first 32 bits of the fractions of roots of the first primes.
  const fraction = (value: number): number => ((value - Math.floor(value)) * 2 ** 32) | 0;
  let found = 0;
  for (let candidate = 2; found < 64; candidate += 1) {
    let prime = true;
    for (let divisor = 2; divisor * divisor <= candidate; divisor += 1) {
      prime &&= candidate % divisor !== 0;
    }
    if (prime) {
      if (found < 8) {
        START[found] = fraction(Math.sqrt(candidate));
      }
      ROUND[found] = fraction(Math.cbrt(candidate));
      found += 1;
    }
  }
})();

const BLOCK = 64;

/** One digest in the making. */
export class Sha256 {
  private readonly state = START.slice();
  private readonly schedule = new Uint32Array(64);
  private readonly rest = new Uint8Array(BLOCK);
  private numRest = 0;
  private numBytes = 0;

  /** Take more bytes. */
  update(bytes: Uint8Array): void {
    this.numBytes += bytes.length;
    let at = 0;
    if (this.numRest > 0) {
      at = Math.min(BLOCK - this.numRest, bytes.length);
      this.rest.set(bytes.subarray(0, at), this.numRest);
      this.numRest += at;
      if (this.numRest < BLOCK) {
        return;
      }
      this.compress(new DataView(this.rest.buffer), 0);
      this.numRest = 0;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (; at + BLOCK <= bytes.length; at += BLOCK) {
      this.compress(view, at);
    }
    this.rest.set(bytes.subarray(at));
    this.numRest = bytes.length - at;
  }

  /** The digest, in hexadecimal digits; nothing may be added afterwards. */
  digest(): string {
    const numBytes = this.numBytes;
    const padding = new Uint8Array(((this.numRest < 56 ? 56 : 120) - this.numRest) + 8);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    view.setUint32(padding.length - 8, Math.floor(numBytes / 2 ** 29));
    view.setUint32(padding.length - 4, (numBytes * 8) >>> 0);
    this.update(padding);
    return [...this.state].map((value) => value.toString(16).padStart(8, "0")).join("");
  }

  private compress(view: DataView, at: number): void {
    const w = this.schedule;
    for (let t = 0; t < 16; t += 1) {
      w[t] = view.getUint32(at + t * 4);
    }
    for (let t = 16; t < 64; t += 1) {
      const x = w[t - 15] as number;
      const y = w[t - 2] as number;
      const small0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const small1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[t] = (w[t - 16] as number) + small0 + (w[t - 7] as number) + small1;
    }
    const state = this.state;
    let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number];
    for (let t = 0; t < 64; t += 1) {
      const big1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + big1 + ((e & f) ^ (~e & g)) + (ROUND[t] as number) + (w[t] as number)) | 0;
      const big0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (big0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    [a, b, c, d, e, f, g, h].forEach((value, index) => {
      state[index] = (state[index] as number) + value;
    });
  }
}

// Loaded before the program (NODE_OPTIONS): its wall clock is ahead by what the file of SOAK_CLOCK says, in milliseconds,
// read again five times a second. Timers go on as they do, which is what a jump of a host's clock is like.
const { readFileSync } = require('node:fs');

const REREAD_MS = 200;
const { SOAK_CLOCK: file } = process.env;
const RealDate = Date;
let aheadMs = 0;

globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + aheadMs);
    else super(...args);
  }

  static now() {
    return RealDate.now() + aheadMs;
  }
};

function read() {
  try {
    aheadMs = Number(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error; // the soak is over, and a deliverer lingers
  }
}

read();
setInterval(read, REREAD_MS).unref();

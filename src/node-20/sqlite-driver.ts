import type BetterSqlite3 from 'better-sqlite3';

/**
 * A release of the database's driver for the Node that it was installed with, as the newer one crashes Node 20. From
 * 24.19 on this one has Node abort when its objects are collected (https://github.com/nodejs/node/issues/65446).
 */
export const DRIVER_FOR_NODE_20 = {
  folder: 'better-sqlite3-node20',
  binaries: ['build/Release/better_sqlite3.node'],
  driver: (require: NodeJS.Require) => require('better-sqlite3-node20') as typeof BetterSqlite3,
};

/** A later Node has a driver of its own. */
export const WITHOUT_DRIVER_HINT =
  'Node 22.16 or later needs none; Node 20 needs a compiler for it: apt-get install -y build-essential python3';

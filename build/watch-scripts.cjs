// Keeps the scripts of node:vm that are made in this process from now on, by the names of their files.
const vm = require('node:vm');

exports.scripts = new Map();

vm.Script = class extends vm.Script {
  constructor(source, options) {
    super(source, options);
    exports.scripts.set(options.filename, this);
  }
};

/**
 * How much a test of many at once takes on: in full, or, where .ci/debian13 says TESTS_LOAD=light, as much as shows the
 * same on another Debian after it has been carried in full on this machine.
 */
export function load(full: number, light: number): number {
  return process.env['TESTS_LOAD'] === 'light' ? light : full;
}

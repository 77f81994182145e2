const { reporters, Runner } = require('mocha')

/** The spec reporter, and a last line that machines read: `N passed, N failed, N skipped`. */
class Counting extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options)
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes = 0, failures = 0, pending = 0 } = this.stats
      process.once('exit', () => process.stdout.write(`${passes} passed, ${failures} failed, ${pending} skipped\n`))
    })
  }
}

module.exports = Counting

'use strict';
// Regular expressions of apps.

/**
 * A `RegExp` of an app's, by what its constructor takes. Node's would read the pattern at once, on the thread that serves everybody, and a few
 * kilobytes from an app that means ill take it minutes; nor does every Node have each flag and each group that apps have.
 */
class Pattern {
  constructor(source, flags = '') {
    this.source = `${source}`;
    this.flags = `${flags}`;
  }

  /** Node's, for patterns of apps that are trusted. */
  toRegExp() {
    return new RegExp(this.source, this.flags);
  }

  toString() {
    return `/${this.source}/${this.flags}`;
  }
}

module.exports = { Pattern };

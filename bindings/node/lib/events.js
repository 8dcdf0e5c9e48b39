'use strict';
// What happened, as the native half numbers it.

module.exports = {
  RESPONSE: 0,
  CHUNK: 1,
  END: 2,
  ERROR: 3,
  WRITABLE: 4,
  RESULT: 5,
  CALL: 6,
  CALL_CHUNK: 7,
  CALL_CANCELED: 8,
  RELEASE: 9,
  LOG: 10,
  APP: 11,
  VERSION_END: 12,
};

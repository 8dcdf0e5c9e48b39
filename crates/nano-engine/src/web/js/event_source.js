"use strict"; (nano) => ({ __proto__: null })

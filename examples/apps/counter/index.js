// State lives as long as the instance: it is gone after a reload, or when the app has been idle for a while.
const since = new Date();
let count = 0;

export default {
  fetch() {
    count += 1;
    return Response.json({ count, since });
  },
};

// The host can call this one without HTTP: nano_invoke(app, "total", ...).
export const total = () => count;

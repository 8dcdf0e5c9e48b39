export const routes = {
  "GET /": () => ({ service: "json", now: new Date().toISOString() }),
  "GET /id": () => ({ id: crypto.randomUUID() }),
  "POST /sum": async (request) => {
    const numbers = await request.json();
    return { sum: numbers.reduce((sum, number) => sum + number, 0) };
  },
};

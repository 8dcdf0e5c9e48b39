"""A plain script: an app, a function of Python's that it calls, values, and a limit.

    pip install nano-isolates
    python script.py

PyPI has no nano-isolates yet: where pip would install it, install target/dist/nano_isolates-*.whl, which `make dist` makes.
"""

import nano_isolates as nano

RULES = """
import { env } from 'cloudflare:workers';

export async function price(order) {
  const prices = await Promise.all(order.items.map(({ name }) => env.price_of(name)));
  const total = order.items.reduce((sum, { count }, index) => sum + count * prices[index], 0);
  return { total, discounted: total > 20 ? total * 0.9 : total };
}

export function endless() {
  for (;;);
}
"""

PRICES = {"tea": 4, "cake": 7}

with nano.Runtime(threads=1) as runtime:
    rules = runtime.load(RULES, name="rules", bindings={"price_of": PRICES.get}, cpu_ms=50)
    order = {"items": [{"name": "tea", "count": 2}, {"name": "cake", "count": 3}]}
    print("price:", rules.invoke_sync("price", order))
    try:
        rules.invoke_sync("endless")
    except nano.CpuLimitError as error:
        print("stopped:", error.name)
    print("and again:", rules.invoke_sync("price", {"items": []}))

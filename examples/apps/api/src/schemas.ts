import { z } from "zod";

export const Login = z.object({
  email: z.email(),
  password: z.string().min(8, "at least 8 characters"),
});

const Item = z.strictObject({
  sku: z.string().regex(/^[A-Z]{2}-\d{4}$/, "two capitals, a dash, four digits"),
  quantity: z.number().int().positive().max(99),
  cents: z.number().int().nonnegative(),
});

export const Order = z
  .object({
    items: z.array(Item).min(1).max(50),
    delivery: z.discriminatedUnion("by", [
      z.object({ by: z.literal("post"), address: z.string().trim().min(5) }),
      z.object({ by: z.literal("pickup"), shop: z.enum(["north", "south"]) }),
    ]),
    note: z.string().max(200).default(""),
  })
  .refine(({ items }) => new Set(items.map(({ sku }) => sku)).size === items.length, { path: ["items"], message: "an article is there twice" });

export type Order = z.output<typeof Order>;
export type PlacedOrder = Order & { readonly id: string; readonly owner: string; readonly total: number };

import { errors, jwtVerify, SignJWT } from "jose";
import { z } from "zod";
import { HttpError } from "./http";

const ISSUER = "https://api.example";
const AUDIENCE = "orders";

/** What a token says, beside the claims that jose checks. */
const Claims = z.object({ email: z.email(), role: z.enum(["customer", "admin"]) });
export type Claims = z.infer<typeof Claims>;

const key = (secret: string): Uint8Array => new TextEncoder().encode(secret);

export const issue = (secret: string, claims: Claims): Promise<string> =>
  new SignJWT({ ...claims })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject(claims.email)
    .setIssuedAt()
    .setExpirationTime("1h")
    .sign(key(secret));

/** Whom a request's token names; refuses it with what RFC 6750 wants said. */
export async function authenticate(request: Request, secret: string): Promise<Claims> {
  const token = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/.exec(request.headers.get("authorization") ?? "")?.[1];
  if (token === undefined) throw new HttpError(401, "a token is missing", { "www-authenticate": "Bearer" });
  try {
    const { payload } = await jwtVerify(token, key(secret), { algorithms: ["HS256"], issuer: ISSUER, audience: AUDIENCE });
    return Claims.parse(payload);
  } catch (error) {
    const why = error instanceof errors.JOSEError ? error.code : "ERR_JWT_CLAIMS";
    throw new HttpError(401, "the token is not valid", { "www-authenticate": `Bearer error="invalid_token", error_description="${why}"` });
  }
}

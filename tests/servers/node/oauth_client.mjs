// An app's part of a sign-in by authorization code: npm oauth4webapi. The code is not redeemed here.
//
//   node oauth_client.mjs start  { issuer, client_id, redirect_uri, scope }
//   node oauth_client.mjs finish { ...what start has printed, answer: { name: value } }
//
// `start` prints where the browser goes, and what `finish` needs; `finish` looks at the answer
// that the browser brought back (RFC 6749 4.1.2, RFC 9207) and prints what the code is redeemed
// with. Both as JSON. What is wrong is told on stderr.
import './webcrypto.mjs';

import * as oauth from 'oauth4webapi';

async function start({ issuer, client_id, redirect_uri, scope }) {
  const url = new URL(issuer);
  const response = await oauth.discoveryRequest(url, { signal: AbortSignal.timeout(10_000) });
  const server = await oauth.processDiscoveryResponse(url, response);
  const code_verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const nonce = oauth.generateRandomNonce();
  const authorization_url = new URL(server.authorization_endpoint);
  authorization_url.search = new URLSearchParams({
    response_type: 'code',
    client_id,
    redirect_uri,
    scope,
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(code_verifier),
    code_challenge_method: 'S256',
  });
  return { authorization_url, server, client_id, redirect_uri, code_verifier, state, nonce };
}

function finish({ server, client_id, redirect_uri, code_verifier, state, nonce, answer }) {
  const brought = new URLSearchParams(answer);
  const sound = oauth.validateAuthResponse(server, { client_id }, brought, state);
  return { code: sound.get('code'), code_verifier, redirect_uri, nonce };
}

const [step, input] = process.argv.slice(2);
try {
  console.log(JSON.stringify(await { start, finish }[step](JSON.parse(input))));
} catch (error) {
  console.error(`${error.message} ${error.error ?? error.cause?.message ?? ''}`.trim());
  process.exitCode = 1;
}

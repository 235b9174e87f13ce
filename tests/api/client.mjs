// A client that is made from the wallet manager's openapi.json: over the plain listener, and over TLS-PSK.
import https from "node:https";
import http from "node:http";
import axios from "axios";
import openapiClientAxios from "openapi-client-axios";
import { Description } from "./answers.mjs";

const OpenAPIClientAxios = openapiClientAxios.OpenAPIClientAxios ?? openapiClientAxios.default ?? openapiClientAxios;

// The file as the server serves it.
export async function fetchDescription(plainUrl) {
  const answer = await axios.get(`${plainUrl}/openapi.json`, { proxy: false });
  return { doc: answer.data, type: answer.headers["content-type"] };
}

// TLS 1.2 ECDHE-PSK: node's pskCallback knows no external PSK of TLS 1.3.
export function pskOptions({ sid, psk }) {
  return {
    pskCallback: () => ({ psk: Buffer.from(psk, "hex"), identity: sid }),
    ciphers: "ECDHE-PSK-CHACHA20-POLY1305",
    maxVersion: "TLSv1.2",
    checkServerIdentity: () => undefined, // there is no certificate
  };
}

// One method an operationId. Answers of any status are answers; each is held against the file.
export async function makeClient(doc, baseURL, psk) {
  const description = new Description(doc);
  const faults = [];
  const agent = psk ? new https.Agent({ keepAlive: true, ...pskOptions(psk) }) : new http.Agent({ keepAlive: true });
  const definition = structuredClone(doc);
  definition.servers = [{ url: baseURL }];
  for (const item of Object.values(definition.paths)) delete item.servers; // they say which listener, not which host
  const api = new OpenAPIClientAxios({
    definition,
    axiosConfigDefaults: { baseURL, httpAgent: agent, httpsAgent: agent, proxy: false, timeout: 60000, validateStatus: () => true },
  });
  const client = await api.init();
  client.defaults.baseURL = baseURL;
  client.interceptors.response.use((answer) => {
    const path = new URL(answer.config.url, baseURL).pathname;
    const type = answer.headers["content-type"] ?? "";
    const body = typeof answer.data?.pipe === "function" ? "" : answer.data; // of a stream nothing is read yet
    const exchange = { method: answer.config.method, path, status: answer.status, type, body };
    faults.push(...description.faults(exchange).map((fault) => `${exchange.method} ${path} ${exchange.status}: ${fault}`));
    return answer;
  });
  return { client, description, faults, close: () => agent.destroy() };
}

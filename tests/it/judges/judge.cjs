// Judges one version of the API with two OData client libraries: Apache Olingo's odatajs, which reads $metadata and
// understands answers by it, and @odata/client, which fetches its own token and writes JSON batches.
//
// In: the sandbox's welcome as JSON in argument 1, the version's name in argument 2. Out: one line for each check
// that held; anything else ends with an error and status 1.

"use strict";
const assert = require("node:assert/strict");
const { oData } = require("ts-odatajs");
const { EdmV4, OData } = require("@odata/client");

const welcome = JSON.parse(process.argv[2]);
const version = process.argv[3];
const root = welcome.urls[version];
const company = `companies(${welcome.company_id})`;
const isNested = version !== "v2.0";
// This library misses its own header names when they come in another case than it expects.
const oldCase = { "content-type": "Content-Type", "odata-version": "OData-Version" };

const held = (check) => console.log(check);

async function token() {
  const form = new URLSearchParams({
    grant_type: "client_credentials",
    client_id: welcome.client_id,
    client_secret: welcome.client_secret,
    scope: welcome.scope,
  });
  const response = await fetch(welcome.token_url, { method: "POST", body: form });
  return (await response.json()).access_token;
}

// Olingo: one request; the model of $metadata is given to every one that follows it.
function olingo(bearer, model) {
  const client = {
    ...oData.net.defaultHttpClient,
    request: (request, success, error) =>
      oData.net.defaultHttpClient.request(
        request,
        (response) => {
          for (const [from, to] of Object.entries(oldCase)) {
            if (response.headers[from] !== undefined) response.headers[to] = response.headers[from];
          }
          success(response);
        },
        error,
      ),
  };
  return (requestUri, { method = "GET", headers = {}, data, handler } = {}) =>
    new Promise((resolve, reject) => {
      const request = { requestUri, method, headers: { Authorization: `Bearer ${bearer}`, ...headers }, data };
      oData.request(
        request,
        (answer, response) => resolve({ answer, status: response.statusCode }),
        (failure) => {
          if (failure.response === undefined || failure.response.body === undefined) return reject(failure);
          const { statusCode, body } = failure.response;
          resolve({ status: statusCode, answer: JSON.parse(body) });
        },
        handler,
        client,
        model,
      );
    });
}

function checkModel(model) {
  const schema = model.dataServices.schema[0];
  const types = new Set();
  for (const kind of ["entityType", "complexType", "enumType"]) {
    for (const type of schema[kind] ?? []) types.add(`${schema.namespace}.${type.name}`);
  }
  const known = (name) => {
    const inner = /^Collection\((.*)\)$/.exec(name)?.[1] ?? name;
    assert.ok(inner.startsWith("Edm.") || types.has(inner), `${inner} is declared`);
  };
  for (const type of [...schema.entityType, ...(schema.complexType ?? [])]) {
    for (const property of [...(type.property ?? []), ...(type.navigationProperty ?? [])]) known(property.type);
  }
  const customer = schema.entityType.find((type) => type.name === "customer");
  const address = customer.property.find((property) => property.name === "address");
  assert.equal(address?.type, isNested ? "Microsoft.NAV.postalAddressType" : undefined);
  const key = schema.entityType.find((type) => type.name === "defaultDimension").key.propertyRef;
  assert.deepEqual(key.map((part) => part.name), isNested ? ["parentId", "dimensionId"] : ["id"]);
  const sets = schema.entityContainer.entitySet.map((set) => set.name);
  assert.ok(sets.includes("customers") && sets.includes("customerPayments"));
  held("metadata");
}

const address = (city) =>
  isNested
    ? { address: { street: "1 Judge Way\r\nRoom 2", city, countryLetterCode: "US", postalCode: "60601" } }
    : { addressLine1: "1 Judge Way", addressLine2: "Room 2", city, country: "US", postalCode: "60601" };
const cityOf = (customer) => (isNested ? customer.address.city : customer.city);
const cityName = isNested ? "address/city" : "city";

async function judgeWithOlingo() {
  const bearer = await token();
  const { answer: model } = await olingo(bearer)(`${root}/$metadata`, {
    headers: { Accept: "application/xml" },
    handler: oData.metadataHandler,
  });
  checkModel(model);
  const ask = olingo(bearer, model);

  let url = `${root}/${company}/customers?$select=number&$orderby=number`;
  const numbers = [];
  let pages = 0;
  while (url !== undefined) {
    const { answer } = await ask(url, { headers: { Prefer: "odata.maxpagesize=5" } });
    numbers.push(...answer.value.map((customer) => customer.number));
    url = answer["@odata.nextLink"];
    pages += 1;
  }
  assert.equal(pages, 3);
  assert.deepEqual(numbers, [...new Set(numbers)].sort());
  assert.equal(numbers.length, 12);
  held("paging");

  const found = await ask(`${root}/${company}/customers?$filter=${cityName} eq 'Atlanta' and number lt '20000'`);
  assert.deepEqual(found.answer.value.map((customer) => customer.number), ["10000"]);
  assert.equal(cityOf(found.answer.value[0]), "Atlanta");
  const refused = await ask(`${root}/${company}/customers?$filter=colour eq 'red'`);
  assert.deepEqual([refused.status, refused.answer.error.code], [400, "BadRequest"]);
  held("filter");

  const body = { number: `J-${version}`, displayName: `Judged in ${version}`, ...address("Judgetown") };
  const made = await ask(`${root}/${company}/customers`, { method: "POST", data: body });
  assert.equal(made.status, 201);
  assert.equal(cityOf(made.answer), "Judgetown");
  const again = await ask(`${root}/${company}/customers`, { method: "POST", data: body });
  assert.deepEqual([again.status, again.answer.error.code], [400, "Internal_EntityWithSameKeyExists"]);
  held("create");

  const path = `${root}/${company}/customers(${made.answer.id})`;
  const change = (tag, phoneNumber) =>
    ask(path, { method: "PATCH", headers: { "If-Match": tag }, data: { phoneNumber } });
  const changed = await change(made.answer["@odata.etag"], "+1 312 555 0100");
  assert.deepEqual([changed.status, changed.answer.phoneNumber], [200, "+1 312 555 0100"]);
  const stale = await change(made.answer["@odata.etag"], "+1 312 555 0199");
  assert.deepEqual([stale.status, stale.answer.error.code], [409, "Request_EntityChanged"]);
  assert.equal((await ask(path)).answer.phoneNumber, "+1 312 555 0100");
  held("update with entity tag");

  const tag = { "If-Match": changed.answer["@odata.etag"] };
  assert.equal((await ask(path, { method: "DELETE", headers: tag })).status, 204);
  assert.equal((await ask(path)).status, 404);
  held("delete");
}

async function judgeWithOdataClient() {
  const client = OData.New4({
    serviceEndpoint: `${root}/`,
    credential: {
      tokenUrl: welcome.token_url,
      clientId: welcome.client_id,
      clientSecret: welcome.client_secret,
      scope: welcome.scope,
      tokenRetrieveType: "form",
    },
  });
  const customers = client.getEntitySet(`${company}/customers`);
  assert.equal(await customers.count(), 12);
  const some = client.newFilter().property("number").ge("'20000'").property("number").lt("'40000'");
  const found = await customers.query(client.newOptions().filter(some).orderby("number", "asc").select(["number"]));
  assert.deepEqual(found.map((customer) => customer.number), ["20000", "30000"]);
  held("count and filter of the second library");

  const collection = `${company}/customers`;
  const answers = await client.execBatchRequestsJson([
    client.newBatchRequest({
      collection,
      method: "POST",
      entity: { number: `B-${version}`, displayName: `Batched in ${version}`, ...address("Batchville") },
      requestId: "create",
    }),
    client.newBatchRequest({
      collection,
      method: "GET",
      params: client.newOptions().filter(`${cityName} eq 'Batchville'`),
      requestId: "read",
    }),
    client.newBatchRequest({ collection, method: "POST", entity: { number: "10000", displayName: "Twice" } }),
  ]);
  assert.deepEqual(answers.map((one) => one.status), [201, 200, 400]);
  assert.deepEqual(answers.slice(0, 2).map((one) => one.raw.id), ["create", "read"]);
  const [created, read, twice] = await Promise.all(answers.map((one) => one.json()));
  assert.deepEqual(read.value.map((customer) => customer.id), [created.id]);
  assert.equal(twice.error.code, "Internal_EntityWithSameKeyExists");
  held("batch");

  const one = await customers.retrieve({ id: EdmV4.Guid.from(created.id) });
  assert.equal(one.displayName, `Batched in ${version}`);
  await assert.rejects(customers.create({ number: "X", displayName: "" }), /The blank "displayName" is not allowed/);
  held("entities of the second library");
}

judgeWithOlingo()
  .then(judgeWithOdataClient)
  .catch((failure) => {
    console.error(failure);
    process.exitCode = 1;
  });

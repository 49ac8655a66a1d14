-- modify "users" table
ALTER TABLE "users" ADD COLUMN "credentials_set_by" uuid NULL;
-- create "access_requests" table
CREATE TABLE "access_requests" (
  "id" uuid NOT NULL,
  "builtin" character varying NULL,
  "reason" character varying NOT NULL,
  "status" character varying NOT NULL,
  "expires_at" timestamptz NOT NULL,
  "decided_at" timestamptz NULL,
  "version" bigint NOT NULL DEFAULT 1,
  "created_at" timestamptz NOT NULL,
  "organization_id" uuid NOT NULL,
  "user_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "access_requests_organizations_organization" FOREIGN KEY ("organization_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "access_requests_users_user" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT
);
-- create index "access_request_one_pending" to table: "access_requests"
CREATE UNIQUE INDEX "access_request_one_pending" ON "access_requests" ("organization_id", "user_id") WHERE ((status)::text = 'PENDING'::text);
-- create index "accessrequest_organization_id" to table: "access_requests"
CREATE INDEX "accessrequest_organization_id" ON "access_requests" ("organization_id");
-- create index "accessrequest_user_id" to table: "access_requests"
CREATE INDEX "accessrequest_user_id" ON "access_requests" ("user_id");
-- modify "applications" table
ALTER TABLE "applications" ADD COLUMN "managed" boolean NOT NULL DEFAULT false, ADD COLUMN "project_id" uuid NULL, ADD
CONSTRAINT "applications_projects_applications" FOREIGN KEY ("project_id") REFERENCES "projects" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT;
-- create index "application_project_id" to table: "applications"
CREATE UNIQUE INDEX "application_project_id" ON "applications" ("project_id") WHERE (project_id IS NOT NULL);
-- create "api_keys" table
CREATE TABLE "api_keys" (
  "id" uuid NOT NULL,
  "access_key" character varying NOT NULL,
  "secret_hash" character varying NOT NULL,
  "description" character varying NOT NULL,
  "disabled" boolean NOT NULL DEFAULT false,
  "expires_at" timestamptz NULL,
  "created_by" uuid NOT NULL,
  "created_ip" character varying NOT NULL,
  "version" bigint NOT NULL DEFAULT 1,
  "created_at" timestamptz NOT NULL,
  "organization_id" uuid NOT NULL,
  "application_id" uuid NULL,
  "membership_id" uuid NULL,
  "default_project_id" uuid NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "api_keys_applications_api_keys" FOREIGN KEY ("application_id") REFERENCES "applications" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "api_keys_memberships_api_keys" FOREIGN KEY ("membership_id") REFERENCES "memberships" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "api_keys_organizations_organization" FOREIGN KEY ("organization_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "api_keys_projects_default_of_keys" FOREIGN KEY ("default_project_id") REFERENCES "projects" ("id") ON UPDATE NO ACTION ON DELETE SET NULL,
  CONSTRAINT "api_key_has_one_bearer" CHECK ((membership_id IS NULL) <> (application_id IS NULL))
);
-- create index "apikey_access_key" to table: "api_keys"
CREATE UNIQUE INDEX "apikey_access_key" ON "api_keys" ("access_key");
-- create index "apikey_application_id" to table: "api_keys"
CREATE INDEX "apikey_application_id" ON "api_keys" ("application_id");
-- create index "apikey_created_by" to table: "api_keys"
CREATE INDEX "apikey_created_by" ON "api_keys" ("created_by");
-- create index "apikey_membership_id" to table: "api_keys"
CREATE INDEX "apikey_membership_id" ON "api_keys" ("membership_id");
-- create index "apikey_organization_id" to table: "api_keys"
CREATE INDEX "apikey_organization_id" ON "api_keys" ("organization_id");
-- create "group_projects" table
CREATE TABLE "group_projects" (
  "id" uuid NOT NULL,
  "organization_id" uuid NOT NULL,
  "created_at" timestamptz NOT NULL,
  "group_id" uuid NOT NULL,
  "project_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "group_projects_groups_group_projects" FOREIGN KEY ("group_id") REFERENCES "groups" ("id") ON UPDATE NO ACTION ON DELETE CASCADE,
  CONSTRAINT "group_projects_projects_group_projects" FOREIGN KEY ("project_id") REFERENCES "projects" ("id") ON UPDATE NO ACTION ON DELETE CASCADE
);
-- create index "groupproject_group_id_project_id" to table: "group_projects"
CREATE UNIQUE INDEX "groupproject_group_id_project_id" ON "group_projects" ("group_id", "project_id");
-- create index "groupproject_project_id" to table: "group_projects"
CREATE INDEX "groupproject_project_id" ON "group_projects" ("project_id");
-- create "notices" table
CREATE TABLE "notices" (
  "id" uuid NOT NULL,
  "kind" character varying NOT NULL,
  "actor_id" uuid NOT NULL,
  "actor_organization_id" uuid NOT NULL,
  "action" character varying NOT NULL,
  "subject" character varying NOT NULL,
  "created_at" timestamptz NOT NULL,
  "organization_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "notices_organizations_organization" FOREIGN KEY ("organization_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT
);
-- create index "notice_organization_id" to table: "notices"
CREATE INDEX "notice_organization_id" ON "notices" ("organization_id");
-- create "policies" table
CREATE TABLE "policies" (
  "id" uuid NOT NULL,
  "name" character varying NOT NULL,
  "description" character varying NOT NULL,
  "tags" jsonb NOT NULL,
  "rules" jsonb NOT NULL,
  "managed" boolean NOT NULL DEFAULT false,
  "builtin" character varying NULL,
  "version" bigint NOT NULL DEFAULT 1,
  "created_at" timestamptz NOT NULL,
  "organization_id" uuid NOT NULL,
  "application_id" uuid NULL,
  "group_id" uuid NULL,
  "membership_id" uuid NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "policies_applications_policies" FOREIGN KEY ("application_id") REFERENCES "applications" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "policies_groups_policies" FOREIGN KEY ("group_id") REFERENCES "groups" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "policies_memberships_policies" FOREIGN KEY ("membership_id") REFERENCES "memberships" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "policies_organizations_organization" FOREIGN KEY ("organization_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "policy_has_one_principal_at_most" CHECK (((
CASE
    WHEN (membership_id IS NULL) THEN 0
    ELSE 1
END +
CASE
    WHEN (application_id IS NULL) THEN 0
    ELSE 1
END) +
CASE
    WHEN (group_id IS NULL) THEN 0
    ELSE 1
END) <= 1)
);
-- create index "accesspolicy_application_id" to table: "policies"
CREATE INDEX "accesspolicy_application_id" ON "policies" ("application_id");
-- create index "accesspolicy_group_id" to table: "policies"
CREATE INDEX "accesspolicy_group_id" ON "policies" ("group_id");
-- create index "accesspolicy_membership_id" to table: "policies"
CREATE INDEX "accesspolicy_membership_id" ON "policies" ("membership_id");
-- create index "accesspolicy_organization_id" to table: "policies"
CREATE INDEX "accesspolicy_organization_id" ON "policies" ("organization_id");
-- create index "accesspolicy_organization_id_builtin" to table: "policies"
CREATE UNIQUE INDEX "accesspolicy_organization_id_builtin" ON "policies" ("organization_id", "builtin") WHERE (builtin IS NOT NULL);
-- create "resources" table
CREATE TABLE "resources" (
  "id" uuid NOT NULL,
  "kind" character varying NOT NULL,
  "name" character varying NOT NULL,
  "provider" character varying NOT NULL,
  "region" character varying NOT NULL,
  "instance_type" character varying NOT NULL,
  "external_id" character varying NOT NULL,
  "status" character varying NOT NULL,
  "created_by" uuid NOT NULL,
  "released_at" timestamptz NULL,
  "version" bigint NOT NULL DEFAULT 1,
  "created_at" timestamptz NOT NULL,
  "project_id" uuid NOT NULL,
  "organization_id" uuid NOT NULL,
  "group_id" uuid NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "resources_groups_group" FOREIGN KEY ("group_id") REFERENCES "groups" ("id") ON UPDATE NO ACTION ON DELETE SET NULL,
  CONSTRAINT "resources_organizations_organization" FOREIGN KEY ("organization_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "resources_projects_resources" FOREIGN KEY ("project_id") REFERENCES "projects" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT
);
-- create index "resource_external_id" to table: "resources"
CREATE UNIQUE INDEX "resource_external_id" ON "resources" ("organization_id", "provider", "external_id") WHERE (((external_id)::text <> ''::text) AND ((status)::text = 'ACTIVE'::text));
-- create index "resource_group_id" to table: "resources"
CREATE INDEX "resource_group_id" ON "resources" ("group_id");
-- create index "resource_project_id_status" to table: "resources"
CREATE INDEX "resource_project_id_status" ON "resources" ("project_id", "status");
-- create "ssh_keys" table
CREATE TABLE "ssh_keys" (
  "id" uuid NOT NULL,
  "name" character varying NOT NULL,
  "public_key" character varying NOT NULL,
  "fingerprint" character varying NOT NULL,
  "disabled" boolean NOT NULL DEFAULT false,
  "created_by" uuid NOT NULL,
  "version" bigint NOT NULL DEFAULT 1,
  "created_at" timestamptz NOT NULL,
  "project_id" uuid NOT NULL,
  "organization_id" uuid NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "ssh_keys_organizations_organization" FOREIGN KEY ("organization_id") REFERENCES "organizations" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT,
  CONSTRAINT "ssh_keys_projects_ssh_keys" FOREIGN KEY ("project_id") REFERENCES "projects" ("id") ON UPDATE NO ACTION ON DELETE CASCADE
);
-- create index "sshkey_organization_id" to table: "ssh_keys"
CREATE INDEX "sshkey_organization_id" ON "ssh_keys" ("organization_id");
-- create index "sshkey_project_id_fingerprint" to table: "ssh_keys"
CREATE UNIQUE INDEX "sshkey_project_id_fingerprint" ON "ssh_keys" ("project_id", "fingerprint");
-- Built-in groups that exist get the policies that new ones are made with. It
-- is part of the schema's history and not of the journal.
INSERT INTO "policies" ("id", "organization_id", "name", "description", "tags", "rules", "managed", "builtin", "group_id", "version", "created_at")
SELECT gen_random_uuid(), "organization_id", "name", '', '[]', (CASE builtin
    WHEN 'ADMINISTRATORS' THEN '[{"sets":["OrganizationManager"],"scope":{"kind":"ORGANIZATION"}},{"sets":["AllProductsFullAccess","CredentialsFullAccess"],"scope":{"kind":"ALL_PROJECTS"}}]'
    WHEN 'EDITORS' THEN '[{"sets":["OrganizationReadOnly"],"scope":{"kind":"ORGANIZATION"}},{"sets":["AllProductsFullAccess","CredentialsFullAccess"],"scope":{"kind":"ALL_PROJECTS"}}]'
    ELSE '[{"sets":["BillingManager"],"scope":{"kind":"ORGANIZATION"}}]'
  END)::jsonb, true, "builtin", "id", 1, "created_at"
FROM "groups" WHERE "builtin" IS NOT NULL;

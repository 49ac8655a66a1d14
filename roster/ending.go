package roster

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/accesspolicy"
	"github.com/headwater-platform/headwater/ent/accessrequest"
	"github.com/headwater-platform/headwater/ent/allocation"
	"github.com/headwater-platform/headwater/ent/apikey"
	"github.com/headwater-platform/headwater/ent/application"
	"github.com/headwater-platform/headwater/ent/billingcontact"
	"github.com/headwater-platform/headwater/ent/budget"
	"github.com/headwater-platform/headwater/ent/budgetalert"
	"github.com/headwater-platform/headwater/ent/cloudaccount"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/groupmember"
	"github.com/headwater-platform/headwater/ent/groupproject"
	"github.com/headwater-platform/headwater/ent/identityprovider"
	"github.com/headwater-platform/headwater/ent/invitation"
	"github.com/headwater-platform/headwater/ent/linkedidentity"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/paymentmethod"
	"github.com/headwater-platform/headwater/ent/project"
	"github.com/headwater-platform/headwater/ent/resource"
	"github.com/headwater-platform/headwater/ent/session"
	"github.com/headwater-platform/headwater/ent/settingdirective"
	"github.com/headwater-platform/headwater/ent/signinflow"
	"github.com/headwater-platform/headwater/ent/sshkey"
	"github.com/headwater-platform/headwater/ent/supportplanperiod"
	"github.com/headwater-platform/headwater/ent/threshold"
	"github.com/headwater-platform/headwater/ent/ticket"
	"github.com/headwater-platform/headwater/ent/trustedissuer"
	"github.com/headwater-platform/headwater/ent/trustedsubject"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/ent/webhook"
	"github.com/headwater-platform/headwater/typeid"
)

func (e ending) invitations(ctx context.Context) error {
	return change(e, typeid.Invitation, func(row *ent.Invitation) uuid.UUID { return row.ID },
		func() ([]*ent.Invitation, error) {
			return e.tx.Invitation.Query().
				Where(invitation.OrganizationID(e.organization), invitation.StatusEQ(invitation.StatusPENDING)).
				Order(ent.Asc(invitation.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			return e.tx.Invitation.Update().Where(invitation.IDIn(ids...)).SetStatus(invitation.StatusCANCELLED).SetDecidedAt(e.now).AddVersion(1).Exec(ctx)
		},
		func(ids []uuid.UUID) ([]*ent.Invitation, error) {
			return e.tx.Invitation.Query().Where(invitation.IDIn(ids...)).All(ctx)
		})
}

func (e ending) requests(ctx context.Context) error {
	return change(e, typeid.AccessRequest, func(row *ent.AccessRequest) uuid.UUID { return row.ID },
		func() ([]*ent.AccessRequest, error) {
			return e.tx.AccessRequest.Query().
				Where(accessrequest.OrganizationID(e.organization), accessrequest.StatusEQ(accessrequest.StatusPENDING)).
				Order(ent.Asc(accessrequest.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			return e.tx.AccessRequest.Update().Where(accessrequest.IDIn(ids...)).SetStatus(accessrequest.StatusCANCELLED).SetDecidedAt(e.now).AddVersion(1).Exec(ctx)
		},
		func(ids []uuid.UUID) ([]*ent.AccessRequest, error) {
			return e.tx.AccessRequest.Query().Where(accessrequest.IDIn(ids...)).All(ctx)
		})
}

// resources releases what runs. What was registered stays, since bills name it.
func (e ending) resources(ctx context.Context) error {
	return change(e, typeid.Resource, func(row *ent.Resource) uuid.UUID { return row.ID },
		func() ([]*ent.Resource, error) {
			return e.tx.Resource.Query().
				Where(resource.OrganizationID(e.organization), resource.StatusEQ(resource.StatusACTIVE)).
				Order(ent.Asc(resource.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			return e.tx.Resource.Update().Where(resource.IDIn(ids...)).SetStatus(resource.StatusRELEASED).SetReleasedAt(e.now).AddVersion(1).Exec(ctx)
		},
		func(ids []uuid.UUID) ([]*ent.Resource, error) {
			return e.tx.Resource.Query().Where(resource.IDIn(ids...)).All(ctx)
		})
}

func (e ending) sshKeys(ctx context.Context) error {
	return erase(e, typeid.SSHKey, func(row *ent.SSHKey) uuid.UUID { return row.ID },
		func() ([]*ent.SSHKey, error) {
			return e.tx.SSHKey.Query().Where(sshkey.OrganizationID(e.organization)).Order(ent.Asc(sshkey.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			_, err := e.tx.SSHKey.Delete().Where(sshkey.IDIn(ids...)).Exec(ctx)
			return err
		})
}

func (e ending) apiKeys(ctx context.Context) error {
	return erase(e, typeid.APIKey, func(row *ent.APIKey) uuid.UUID { return row.ID },
		func() ([]*ent.APIKey, error) {
			return e.tx.APIKey.Query().Where(apikey.OrganizationID(e.organization)).Order(ent.Asc(apikey.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			_, err := e.tx.APIKey.Delete().Where(apikey.IDIn(ids...)).Exec(ctx)
			return err
		})
}

// cloudAccounts deletes the cloud accounts with their credentials. Whose their
// usage was, the mappings go on saying.
func (e ending) cloudAccounts(ctx context.Context) error {
	return erase(e, typeid.CloudAccount, func(row *ent.CloudAccount) uuid.UUID { return row.ID },
		func() ([]*ent.CloudAccount, error) {
			return e.tx.CloudAccount.Query().Where(cloudaccount.OrganizationID(e.organization)).Order(ent.Asc(cloudaccount.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			_, err := e.tx.CloudAccount.Delete().Where(cloudaccount.IDIn(ids...)).Exec(ctx)
			return err
		})
}

// allocations deletes what limits the organization, with what has fired, and what
// it has set for others.
func (e ending) allocations(ctx context.Context) error {
	return erase(e, typeid.Allocation, func(row *ent.Allocation) uuid.UUID { return row.ID },
		func() ([]*ent.Allocation, error) {
			return e.tx.Allocation.Query().
				Where(allocation.Or(allocation.OrganizationID(e.organization), allocation.AuthorID(e.organization))).
				Order(ent.Asc(allocation.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			_, err := e.tx.Allocation.Delete().Where(allocation.IDIn(ids...)).Exec(ctx)
			return err
		})
}

func (e ending) thresholds(ctx context.Context) error {
	return erase(e, typeid.Threshold, func(row *ent.Threshold) uuid.UUID { return row.ID },
		func() ([]*ent.Threshold, error) {
			return e.tx.Threshold.Query().Where(threshold.OrganizationID(e.organization)).Order(ent.Asc(threshold.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			_, err := e.tx.Threshold.Delete().Where(threshold.IDIn(ids...)).Exec(ctx)
			return err
		})
}

func (e ending) budgetAlerts(ctx context.Context) error {
	return erase(e, typeid.BudgetAlert, func(row *ent.BudgetAlert) uuid.UUID { return row.ID },
		func() ([]*ent.BudgetAlert, error) {
			return e.tx.BudgetAlert.Query().Where(budgetalert.OrganizationID(e.organization)).Order(ent.Asc(budgetalert.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			_, err := e.tx.BudgetAlert.Delete().Where(budgetalert.IDIn(ids...)).Exec(ctx)
			return err
		})
}

func (e ending) budgets(ctx context.Context) error {
	return erase(e, typeid.Budget, func(row *ent.Budget) uuid.UUID { return row.ID },
		func() ([]*ent.Budget, error) {
			return e.tx.Budget.Query().Where(budget.OrganizationID(e.organization)).Order(ent.Asc(budget.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			_, err := e.tx.Budget.Delete().Where(budget.IDIn(ids...)).Exec(ctx)
			return err
		})
}

// billingContacts deletes who was told about bills. The billing profile stays,
// since statements name it.
func (e ending) billingContacts(ctx context.Context) error {
	return erase(e, typeid.BillingContact, func(row *ent.BillingContact) uuid.UUID { return row.ID },
		func() ([]*ent.BillingContact, error) {
			return e.tx.BillingContact.Query().Where(billingcontact.OrganizationID(e.organization)).Order(ent.Asc(billingcontact.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			_, err := e.tx.BillingContact.Delete().Where(billingcontact.IDIn(ids...)).Exec(ctx)
			return err
		})
}

func (e ending) paymentMethods(ctx context.Context) error {
	return erase(e, typeid.PaymentMethod, func(row *ent.PaymentMethod) uuid.UUID { return row.ID },
		func() ([]*ent.PaymentMethod, error) {
			return e.tx.PaymentMethod.Query().Where(paymentmethod.OrganizationID(e.organization)).Order(ent.Asc(paymentmethod.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			_, err := e.tx.PaymentMethod.Delete().Where(paymentmethod.IDIn(ids...)).Exec(ctx)
			return err
		})
}

// webhooks deletes what is called, and with it what waits to be sent.
func (e ending) webhooks(ctx context.Context) error {
	return erase(e, typeid.Webhook, func(row *ent.Webhook) uuid.UUID { return row.ID },
		func() ([]*ent.Webhook, error) {
			return e.tx.Webhook.Query().Where(webhook.OrganizationID(e.organization)).Order(ent.Asc(webhook.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			_, err := e.tx.Webhook.Delete().Where(webhook.IDIn(ids...)).Exec(ctx)
			return err
		})
}

func (e ending) policies(ctx context.Context) error {
	return erase(e, typeid.Policy, func(row *ent.AccessPolicy) uuid.UUID { return row.ID },
		func() ([]*ent.AccessPolicy, error) {
			return e.tx.AccessPolicy.Query().Where(accesspolicy.OrganizationID(e.organization)).Order(ent.Asc(accesspolicy.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			_, err := e.tx.AccessPolicy.Delete().Where(accesspolicy.IDIn(ids...)).Exec(ctx)
			return err
		})
}

func (e ending) groupProjects(ctx context.Context) error {
	return erase(e, typeid.GroupProject, func(row *ent.GroupProject) uuid.UUID { return row.ID },
		func() ([]*ent.GroupProject, error) {
			return e.tx.GroupProject.Query().Where(groupproject.OrganizationID(e.organization)).Order(ent.Asc(groupproject.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			_, err := e.tx.GroupProject.Delete().Where(groupproject.IDIn(ids...)).Exec(ctx)
			return err
		})
}

func (e ending) groupMembers(ctx context.Context) error {
	return erase(e, typeid.GroupMember, func(row *ent.GroupMember) uuid.UUID { return row.ID },
		func() ([]*ent.GroupMember, error) {
			return e.tx.GroupMember.Query().Where(groupmember.OrganizationID(e.organization)).Order(ent.Asc(groupmember.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			_, err := e.tx.GroupMember.Delete().Where(groupmember.IDIn(ids...)).Exec(ctx)
			return err
		})
}

// unbind takes the resources from their groups.
func (e ending) unbind(ctx context.Context) error {
	return change(e, typeid.Resource, func(row *ent.Resource) uuid.UUID { return row.ID },
		func() ([]*ent.Resource, error) {
			return e.tx.Resource.Query().
				Where(resource.OrganizationID(e.organization), resource.GroupIDNotNil()).
				Order(ent.Asc(resource.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			return e.tx.Resource.Update().Where(resource.IDIn(ids...)).ClearGroupID().AddVersion(1).Exec(ctx)
		},
		func(ids []uuid.UUID) ([]*ent.Resource, error) {
			return e.tx.Resource.Query().Where(resource.IDIn(ids...)).All(ctx)
		})
}

// groups deletes the groups, once no resource is bound to one.
func (e ending) groups(ctx context.Context) error {
	if err := e.unbind(ctx); err != nil {
		return err
	}
	return e.emptyGroups(ctx)
}

func (e ending) emptyGroups(ctx context.Context) error {
	return erase(e, typeid.Group, func(row *ent.Group) uuid.UUID { return row.ID },
		func() ([]*ent.Group, error) {
			return e.tx.Group.Query().Where(group.OrganizationID(e.organization)).Order(ent.Asc(group.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			_, err := e.tx.Group.Delete().Where(group.IDIn(ids...)).Exec(ctx)
			return err
		})
}

// directives closes the settings of the organization, its groups and its
// members, whoever set them.
func (e ending) directives(ctx context.Context) error {
	for {
		rows, err := e.tx.SettingDirective.Query().
			Where(settingdirective.OrganizationID(e.organization), settingdirective.ValidToIsNil()).
			Order(ent.Asc(settingdirective.FieldID)).Limit(most).All(ctx)
		if err != nil {
			return fmt.Errorf("end organization: load directives: %w", err)
		}
		if len(rows) == 0 {
			return nil
		}
		for _, row := range rows {
			if _, err := e.tx.CloseDirective(ctx, row, e.now); err != nil {
				return err
			}
		}
	}
}

func (e ending) subjects(ctx context.Context) error {
	return erase(e, typeid.TrustedSubject, func(row *ent.TrustedSubject) uuid.UUID { return row.ID },
		func() ([]*ent.TrustedSubject, error) {
			return e.tx.TrustedSubject.Query().Where(trustedsubject.OrganizationID(e.organization)).Order(ent.Asc(trustedsubject.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			_, err := e.tx.TrustedSubject.Delete().Where(trustedsubject.IDIn(ids...)).Exec(ctx)
			return err
		})
}

func (e ending) issuers(ctx context.Context) error {
	return erase(e, typeid.TrustedIssuer, func(row *ent.TrustedIssuer) uuid.UUID { return row.ID },
		func() ([]*ent.TrustedIssuer, error) {
			return e.tx.TrustedIssuer.Query().Where(trustedissuer.OrganizationID(e.organization)).Order(ent.Asc(trustedissuer.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			_, err := e.tx.TrustedIssuer.Delete().Where(trustedissuer.IDIn(ids...)).Exec(ctx)
			return err
		})
}

func (e ending) identities(ctx context.Context) error {
	return erase(e, typeid.LinkedIdentity, func(row *ent.LinkedIdentity) uuid.UUID { return row.ID },
		func() ([]*ent.LinkedIdentity, error) {
			return e.tx.LinkedIdentity.Query().Where(linkedidentity.OrganizationID(e.organization)).Order(ent.Asc(linkedidentity.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			_, err := e.tx.LinkedIdentity.Delete().Where(linkedidentity.IDIn(ids...)).Exec(ctx)
			return err
		})
}

// flows forgets the sign-ins that are under way. The journal does not know them.
func (e ending) flows(ctx context.Context) error {
	if _, err := e.tx.SignInFlow.Delete().Where(signinflow.OrganizationID(e.organization)).Exec(ctx); err != nil {
		return fmt.Errorf("end organization: delete sign-in flows: %w", err)
	}
	return nil
}

func (e ending) providers(ctx context.Context) error {
	return erase(e, typeid.IdentityProvider, func(row *ent.IdentityProvider) uuid.UUID { return row.ID },
		func() ([]*ent.IdentityProvider, error) {
			return e.tx.IdentityProvider.Query().Where(identityprovider.OrganizationID(e.organization)).Order(ent.Asc(identityprovider.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			_, err := e.tx.IdentityProvider.Delete().Where(identityprovider.IDIn(ids...)).Exec(ctx)
			return err
		})
}

func (e ending) applications(ctx context.Context) error {
	return erase(e, typeid.Application, func(row *ent.Application) uuid.UUID { return row.ID },
		func() ([]*ent.Application, error) {
			return e.tx.Application.Query().Where(application.OrganizationID(e.organization)).Order(ent.Asc(application.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			_, err := e.tx.Application.Delete().Where(application.IDIn(ids...)).Exec(ctx)
			return err
		})
}

// sessions ends the sign-ins that are bound to the organization.
func (e ending) sessions(ctx context.Context) error {
	return change(e, typeid.Session, func(row *ent.Session) uuid.UUID { return row.ID },
		func() ([]*ent.Session, error) {
			return e.tx.Session.Query().
				Where(session.OrganizationID(e.organization), session.EndedAtIsNil()).
				Order(ent.Asc(session.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			return e.tx.Session.Update().Where(session.IDIn(ids...)).SetEndedAt(e.now).SetEndReason(session.EndReasonREMOVED).AddVersion(1).Exec(ctx)
		},
		func(ids []uuid.UUID) ([]*ent.Session, error) {
			return e.tx.Session.Query().Where(session.IDIn(ids...)).All(ctx)
		})
}

func (e ending) memberships(ctx context.Context) error {
	return erase(e, typeid.Membership, func(row *ent.Membership) uuid.UUID { return row.ID },
		func() ([]*ent.Membership, error) {
			return e.tx.Membership.Query().Where(membership.OrganizationID(e.organization)).Order(ent.Asc(membership.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			_, err := e.tx.Membership.Delete().Where(membership.IDIn(ids...)).Exec(ctx)
			return err
		})
}

// accounts ends the accounts that have their home here and no place elsewhere.
// The others belong to nobody but their people from now on.
func (e ending) accounts(ctx context.Context) error {
	for {
		query := e.tx.User.Query().
			Where(user.HomeOrganizationID(e.organization), user.StatusNEQ(user.StatusDELETED), user.Not(user.HasMemberships())).
			Order(ent.Asc(user.FieldID)).Limit(most)
		query.Modify(e.tx.Lock)
		rows, err := query.All(ctx)
		if err != nil {
			return fmt.Errorf("end organization: lock accounts: %w", err)
		}
		if len(rows) == 0 {
			return e.releaseAccounts(ctx)
		}
		for _, row := range rows {
			if err := endAccount(ctx, e.tx, row, e.organization); err != nil {
				return err
			}
		}
	}
}

func (e ending) releaseAccounts(ctx context.Context) error {
	return change(e, typeid.User, func(row *ent.User) uuid.UUID { return row.ID },
		func() ([]*ent.User, error) {
			return e.tx.User.Query().
				Where(user.HomeOrganizationID(e.organization), user.StatusNEQ(user.StatusDELETED)).
				Order(ent.Asc(user.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			return e.tx.User.Update().Where(user.IDIn(ids...)).ClearHomeOrganizationID().AddVersion(1).Exec(ctx)
		},
		func(ids []uuid.UUID) ([]*ent.User, error) { return e.tx.User.Query().Where(user.IDIn(ids...)).All(ctx) })
}

// projects deletes those in which nothing was ever registered.
func (e ending) projects(ctx context.Context) error {
	return erase(e, typeid.Project, func(row *ent.Project) uuid.UUID { return row.ID },
		func() ([]*ent.Project, error) {
			return e.tx.Project.Query().Where(project.OrganizationID(e.organization), project.Not(project.HasResources())).Order(ent.Asc(project.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			_, err := e.tx.Project.Delete().Where(project.IDIn(ids...)).Exec(ctx)
			return err
		})
}

func (e ending) tickets(ctx context.Context) error {
	return change(e, typeid.Ticket, func(row *ent.Ticket) uuid.UUID { return row.ID },
		func() ([]*ent.Ticket, error) {
			return e.tx.Ticket.Query().
				Where(ticket.OrganizationID(e.organization), ticket.StatusNEQ(ticket.StatusCLOSED)).
				Order(ent.Asc(ticket.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			return e.tx.Ticket.Update().Where(ticket.IDIn(ids...)).SetStatus(ticket.StatusCLOSED).SetClosedAt(e.now).SetUpdatedAt(e.now).AddVersion(1).Exec(ctx)
		},
		func(ids []uuid.UUID) ([]*ent.Ticket, error) {
			return e.tx.Ticket.Query().Where(ticket.IDIn(ids...)).All(ctx)
		})
}

// plans ends the support plan and forgets what was planned of it.
func (e ending) plans(ctx context.Context) error {
	if err := e.plannedPlans(ctx); err != nil {
		return err
	}
	return e.endPlan(ctx)
}

func (e ending) plannedPlans(ctx context.Context) error {
	return erase(e, typeid.SupportPlan, func(row *ent.SupportPlanPeriod) uuid.UUID { return row.ID },
		func() ([]*ent.SupportPlanPeriod, error) {
			return e.tx.SupportPlanPeriod.Query().Where(supportplanperiod.OrganizationID(e.organization), supportplanperiod.StartsAtGTE(e.now)).Order(ent.Asc(supportplanperiod.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			_, err := e.tx.SupportPlanPeriod.Delete().Where(supportplanperiod.IDIn(ids...)).Exec(ctx)
			return err
		})
}

func (e ending) endPlan(ctx context.Context) error {
	return change(e, typeid.SupportPlan, func(row *ent.SupportPlanPeriod) uuid.UUID { return row.ID },
		func() ([]*ent.SupportPlanPeriod, error) {
			return e.tx.SupportPlanPeriod.Query().
				Where(supportplanperiod.OrganizationID(e.organization), supportplanperiod.Or(supportplanperiod.EndsAtIsNil(), supportplanperiod.EndsAtGT(e.now))).
				Order(ent.Asc(supportplanperiod.FieldID)).Limit(most).All(ctx)
		},
		func(ids []uuid.UUID) error {
			return e.tx.SupportPlanPeriod.Update().Where(supportplanperiod.IDIn(ids...)).SetEndsAt(e.now).Exec(ctx)
		},
		func(ids []uuid.UUID) ([]*ent.SupportPlanPeriod, error) {
			return e.tx.SupportPlanPeriod.Query().Where(supportplanperiod.IDIn(ids...)).All(ctx)
		})
}

package webhooks

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/hook"
	"github.com/headwater-platform/headwater/typeid"
)

// newSecret returns a secret of a webhook, and the same sealed.
func (s *Service) newSecret(id uuid.UUID) (secret, sealed string, err error) {
	if secret, err = hook.NewSecret(s.random); err != nil {
		return "", "", err
	}
	sealed, err = s.keys.Seal(secret, binding(id))
	return secret, sealed, err
}

// binding is what the secrets of a webhook are sealed to.
func binding(id uuid.UUID) string {
	return typeid.New(typeid.Webhook, id).String() + " signing secret"
}

// secretsOf returns what signs the messages of a webhook at an instant.
func (s *Service) secretsOf(row *ent.Webhook, at time.Time) ([]string, error) {
	sealed := []string{row.Secret}
	if row.FormerSecretUntil != nil && at.Before(*row.FormerSecretUntil) {
		sealed = append(sealed, row.FormerSecret)
	}
	secrets := make([]string, len(sealed))
	for i, text := range sealed {
		secret, err := s.keys.Open(text, binding(row.ID))
		if err != nil {
			return nil, fmt.Errorf("open the secret of %s: %w", typeid.New(typeid.Webhook, row.ID), err)
		}
		secrets[i] = secret
	}
	return secrets, nil
}

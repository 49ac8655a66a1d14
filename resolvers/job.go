package resolvers

import (
	"github.com/headwater-platform/headwater/graph/model"
	"github.com/headwater-platform/headwater/service/jobs"
)

func jobsWhere(w *model.JobWhereInput) jobs.Where {
	if w == nil {
		return jobs.Where{}
	}
	return jobs.Where{Status: w.Status, Kind: w.Kind}
}

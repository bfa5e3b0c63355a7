package etcd

import (
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/leasehold/leasehold/cluster"
)

// A txn is a [cluster.Txn] as etcd's client takes it.
type txn struct {
	conditions      []clientv3.Cmp
	then, otherwise []clientv3.Op
}

func newTxn(t cluster.Txn) txn {
	ops := txn{then: newOps(t.Then), otherwise: newOps(t.Else)}
	for _, c := range t.If {
		ops.conditions = append(ops.conditions, comparisons(c)...)
	}
	return ops
}

func comparisons(c cluster.Condition) []clientv3.Cmp {
	if c.Present {
		return []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(c.Key), ">", 0)}
	}
	all := []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(c.Key), "=", c.Revision)}
	if c.Value != nil {
		all = append(all, clientv3.Compare(clientv3.Value(c.Key), "=", string(c.Value)))
	}
	return all
}

func newOps(all []cluster.Op) (ops []clientv3.Op) {
	for _, op := range all {
		ops = append(ops, newOp(op))
	}
	return ops
}

func newOp(op cluster.Op) clientv3.Op {
	switch op.Kind {
	case cluster.PutOp:
		return clientv3.OpPut(op.Key, string(op.Value))
	case cluster.DeleteOp:
		return clientv3.OpDelete(op.Key)
	case cluster.NestOp:
		nested := newTxn(op.Txn)
		return clientv3.OpTxn(nested.conditions, nested.then, nested.otherwise)
	}
	return clientv3.OpGet(op.Key)
}

// outcome returns the outcome of t, without the revision.
func outcome(t cluster.Txn, resp *pb.TxnResponse) cluster.Outcome {
	out, done := cluster.Outcome{Held: resp.Succeeded}, t.Else
	if resp.Succeeded {
		done = t.Then
	}
	for i, op := range done {
		out.Results = append(out.Results, result(op, resp.Responses[i]))
	}
	return out
}

func result(op cluster.Op, resp *pb.ResponseOp) (r cluster.Result) {
	switch op.Kind {
	case cluster.GetOp:
		r.Entry.Key = op.Key
		for _, kv := range resp.GetResponseRange().GetKvs() {
			r.Entry.Value, r.Entry.Revision = kv.Value, kv.ModRevision
		}
	case cluster.NestOp:
		r.Nested = outcome(op.Txn, resp.GetResponseTxn())
	}
	return r
}

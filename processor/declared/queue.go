package declared

// queue is a heap, the first item on top. Unlike container/heap it boxes no item.
type queue[T any] struct {
	items  []T
	before func(a, b *T) bool
}

func (q *queue[T]) push(item T) {
	q.items = append(q.items, item)
	q.up(len(q.items) - 1)
}

// pop takes the first item; there must be one.
func (q *queue[T]) pop() T {
	last := len(q.items) - 1
	first := q.items[0]
	q.items[0] = q.items[last]
	var none T
	q.items[last] = none
	q.items = q.items[:last]
	q.down(0)
	return first
}

// order makes a heap of items in any order.
func (q *queue[T]) order() {
	for i := len(q.items)/2 - 1; i >= 0; i-- {
		q.down(i)
	}
}

func (q *queue[T]) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !q.before(&q.items[i], &q.items[parent]) {
			return
		}
		q.items[i], q.items[parent] = q.items[parent], q.items[i]
		i = parent
	}
}

func (q *queue[T]) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(q.items) {
			return
		}
		if right := child + 1; right < len(q.items) && q.before(&q.items[right], &q.items[child]) {
			child = right
		}
		if !q.before(&q.items[child], &q.items[i]) {
			return
		}
		q.items[i], q.items[child] = q.items[child], q.items[i]
		i = child
	}
}

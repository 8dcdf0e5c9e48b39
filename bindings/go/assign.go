package nano

import (
	"math"
	"math/big"
	"reflect"
)

// assign puts a decoded value into a variable of any type that can hold it. null and undefined are the zero value of every type.
func assign(to reflect.Value, value any) error {
	if value == nil || value == any(Undefined) && to.Type() != reflect.TypeOf(Undefined) {
		if value != nil && to.Kind() == reflect.Interface && to.NumMethod() == 0 {
			to.Set(reflect.ValueOf(value))
		} else {
			to.SetZero()
		}
		return nil
	}
	from := reflect.ValueOf(value)
	if from.Type().AssignableTo(to.Type()) {
		to.Set(from)
		return nil
	}
	switch to.Type() {
	case bigIntType:
		if n, ok := integer(value); ok {
			to.Set(reflect.ValueOf(n))
			return nil
		}
		return mismatch(to, value)
	case bigIntType.Elem():
		if n, ok := integer(value); ok {
			to.Addr().Interface().(*big.Int).Set(n)
			return nil
		}
		return mismatch(to, value)
	case timeType:
		return mismatch(to, value)
	}
	switch to.Kind() {
	case reflect.Pointer:
		fresh := reflect.New(to.Type().Elem())
		if err := assign(fresh.Elem(), value); err != nil {
			return err
		}
		to.Set(fresh)
		return nil
	case reflect.Bool, reflect.String:
		if from.Kind() == to.Kind() {
			to.Set(from.Convert(to.Type()))
			return nil
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if n, ok := integer(value); ok && n.IsInt64() && !to.OverflowInt(n.Int64()) {
			to.SetInt(n.Int64())
			return nil
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if n, ok := integer(value); ok && n.IsUint64() && !to.OverflowUint(n.Uint64()) {
			to.SetUint(n.Uint64())
			return nil
		}
	case reflect.Float32, reflect.Float64:
		switch n := value.(type) {
		case int:
			to.SetFloat(float64(n))
			return nil
		case float64:
			// Numbers are rounded as Go does it, and none becomes infinite by that.
			if to.OverflowFloat(n) {
				return mismatch(to, value)
			}
			to.SetFloat(n)
			return nil
		case Date:
			to.SetFloat(float64(n))
			return nil
		}
	case reflect.Slice, reflect.Array:
		return assignItems(to, value)
	case reflect.Map:
		return assignMap(to, value)
	case reflect.Struct:
		if object, ok := value.(map[string]any); ok {
			for _, field := range fieldsOf(to.Type()) {
				if item, ok := object[field.name]; ok {
					if err := assign(fieldIn(to, field.index), item); err != nil {
						return err
					}
				}
			}
			return nil
		}
	}
	return mismatch(to, value)
}

func mismatch(to reflect.Value, value any) error {
	return invalid("a JavaScript value that is %T in Go does not fit %v", value, to.Type())
}

// integer gives a whole number, however it came.
func integer(value any) (*big.Int, bool) {
	switch n := value.(type) {
	case int:
		return big.NewInt(int64(n)), true
	case *big.Int:
		return n, true
	case float64:
		if n == math.Trunc(n) && !math.IsInf(n, 0) {
			whole, _ := big.NewFloat(n).Int(nil)
			return whole, true
		}
	}
	return nil, false
}

func assignItems(to reflect.Value, value any) error {
	if object, ok := value.(map[string]any); ok && to.Type() == reflect.TypeFor[Map]() {
		entries := Map{}
		for key, item := range object {
			entries = append(entries, MapEntry{key, item})
		}
		to.Set(reflect.ValueOf(entries))
		return nil
	}
	from := reflect.ValueOf(value)
	if from.Kind() != reflect.Slice || from.Type() == reflect.TypeFor[Map]() {
		return mismatch(to, value)
	}
	if to.Kind() == reflect.Slice {
		to.Set(reflect.MakeSlice(to.Type(), from.Len(), from.Len()))
	} else if to.Len() != from.Len() {
		return mismatch(to, value)
	}
	for i := range from.Len() {
		item := from.Index(i)
		if item.Type() == to.Index(i).Type() {
			to.Index(i).Set(item)
		} else if err := assign(to.Index(i), plain(item)); err != nil {
			return err
		}
	}
	return nil
}

// plain is an element of any slice as the decoder would have given it.
func plain(item reflect.Value) any {
	switch item.Kind() {
	case reflect.Int8, reflect.Int16, reflect.Int32:
		return int(item.Int())
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return int(item.Uint())
	case reflect.Int64:
		return big.NewInt(item.Int())
	case reflect.Uint64:
		return new(big.Int).SetUint64(item.Uint())
	case reflect.Float32:
		return item.Float()
	}
	return item.Interface()
}

func assignMap(to reflect.Value, value any) error {
	fresh := reflect.MakeMap(to.Type())
	put := func(key, item any) error {
		k, v := reflect.New(to.Type().Key()).Elem(), reflect.New(to.Type().Elem()).Elem()
		if err := assign(k, key); err != nil {
			return err
		}
		if err := assign(v, item); err != nil {
			return err
		}
		if !k.Comparable() {
			return mismatch(k, key)
		}
		fresh.SetMapIndex(k, v)
		return nil
	}
	switch from := value.(type) {
	case map[string]any:
		for key, item := range from {
			if err := put(key, item); err != nil {
				return err
			}
		}
	case Map:
		for _, entry := range from {
			if err := put(entry.Key, entry.Value); err != nil {
				return err
			}
		}
	default:
		return mismatch(to, value)
	}
	to.Set(fresh)
	return nil
}
